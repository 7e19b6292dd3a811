"""What a document may declare in its DTD: nothing that grows, nothing from outside."""

from __future__ import annotations

from xml.parsers import expat

from monitor.errors import ParseError

_MAX_EXPANSION = 1_000_000


def refuse_dangerous(document: bytes) -> None:
    """Raise ParseError, which names the entity, when ``document`` declares one that refers
    to a file or an address, that nests, or that expands to more than a million characters.

    External DTDs and parameter entities are declared by honest feeds; they are never loaded.
    """
    if b"<!ENTITY" not in document:
        return
    parser = expat.ParserCreate("utf-8")
    parser.EntityDeclHandler = _Guard(document).declared
    try:
        parser.Parse(document[: _end_of_declarations(document)], False)
    except expat.ExpatError:
        return  # ill-formed: the reader says so, and sees no entity beyond this place


def _end_of_declarations(document: bytes) -> int:
    """Just behind the document type; entities are declared nowhere else."""
    end = document.find(b"]", document.rfind(b"<!ENTITY"))
    return len(document) if end < 0 else end + 2


class _Guard:
    def __init__(self, document: bytes) -> None:
        self._document = document

    def declared(
        self,
        name: str,
        is_parameter: bool,
        value: str | None,
        base: str | None,
        system_id: str | None,
        public_id: str | None,
        notation: str | None,
    ) -> None:
        """Expat's callback for one declaration."""
        if value is None:
            if not is_parameter:
                raise ParseError(f"the external entity &{name}; ({system_id}) is refused")
            return
        if "&" in value or "%" in value or is_parameter:
            raise ParseError(f"the nested entity &{name}; is refused")
        if len(value) * self._document.count(b"&" + name.encode() + b";") > _MAX_EXPANSION:
            raise ParseError(f"the entity &{name}; expands to over a million characters; refused")
