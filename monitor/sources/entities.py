"""What a document may declare in its DTD: nothing that grows, nothing from outside."""

from __future__ import annotations

import html.entities
from collections.abc import Callable
from xml.parsers.expat import XMLParserType

from monitor.errors import ParseError

_MAX_EXPANSION = 1_000_000


class EntityGuard:
    """Refuses, by name, entities that refer to files or addresses or that multiply.

    External DTDs and parameter entities are never loaded; the named characters of HTML
    that they would have declared are known here.
    """

    def __init__(self, document: bytes) -> None:
        self._document = document

    def attach(self, parser: XMLParserType, append: Callable[[str], object]) -> None:
        """Install on ``parser``; HTML's named characters in fields go to ``append``."""

        def skipped(name: str, is_parameter: bool) -> None:
            if not is_parameter and parser.CharacterDataHandler is not None:
                append(html.entities.html5.get(name + ";", f"&{name};"))

        parser.EntityDeclHandler = self._declared
        parser.SkippedEntityHandler = skipped

    def _declared(
        self,
        name: str,
        is_parameter: bool,
        value: str | None,
        base: str | None,
        system_id: str | None,
        public_id: str | None,
        notation: str | None,
    ) -> None:
        if is_parameter and value is None:
            return  # an external DTD: declared, never loaded
        if value is None:
            raise ParseError(
                f"the document declares the external entity &{name}; ({system_id}); refused"
            )
        if "&" in value or "%" in value or is_parameter:
            raise ParseError(f"the document declares the nested entity &{name}; refused")
        if len(value) * self._document.count(b"&" + name.encode() + b";") > _MAX_EXPANSION:
            raise ParseError(
                f"the entity &{name}; expands to more than a million characters; refused"
            )
