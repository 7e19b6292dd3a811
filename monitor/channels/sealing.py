"""DKIM signatures (RFC 6376) for mails that we hand over ourselves; needs the extra ``dkim``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitor.channels.base import read_file
from monitor.errors import SettingsError

# RFC 8058 wants both List headers to be covered.
HEADERS = (
    "from", "to", "subject", "date", "message-id", "mime-version", "content-type", "list-id",
    "list-unsubscribe", "list-unsubscribe-post", "auto-submitted",
)  # fmt: skip
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Seal:
    """A domain's key; ``selector`` says where its public half stands in DNS."""

    domain: str
    selector: str
    key: bytes = field(repr=False)

    def put_on(self, mail: bytes) -> bytes:
        """``mail`` with a DKIM-Signature before its headers."""
        return bytes(sign(mail, self)) + mail


def sign(mail: bytes, seal: Seal) -> bytes:
    """The header's lines, relaxed/relaxed, RSA-SHA256. Raises ValueError for a key that is none."""
    dkim = library()
    present = [name for name in HEADERS if re.search(rb"(?im)^%s:" % name.encode(), mail)]
    try:
        made: bytes = dkim.sign(
            mail,
            seal.selector.encode(),
            seal.domain.encode(),
            seal.key,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name.encode() for name in present],
        )
    except dkim.DKIMException as error:
        raise ValueError(str(error)) from error
    return made


def library() -> Any:
    """The package ``dkim``. Raises ImportError."""
    import dkim

    return dkim


def read_seal(name: str, domain: str, selector: str, key_file: str, folder: Path) -> Seal | None:
    """The seal that a channel's options describe; None without ``key_file``.

    Raises SettingsError: the extra is missing, the selector is, or the key is none.
    """
    where = f"channels.{name}"
    if not key_file:
        if selector:
            problem = f"{where}: dkim_selector is set and dkim_key_file is not"
            raise SettingsError([("channels.dkim", problem)])
        return None
    if not _LABEL.fullmatch(selector) or not _LABEL.fullmatch(domain):
        problem = f"{where}: dkim_key_file needs dkim_selector, a name such as 'mail2026'"
        raise SettingsError([("channels.dkim", problem)])
    try:
        library()
    except ImportError:
        problem = f"{where}: DKIM needs one more package: pip install 'headline-monitor[dkim]'"
        raise SettingsError([("channels.dkim", problem)]) from None
    key = read_file(key_file, f"{where}.dkim_key_file", folder).encode()
    seal = Seal(domain, selector, key)
    try:
        sign(b"From: a@b.example\r\n\r\nx\r\n", seal)
    except ValueError as error:
        problem = f"{where}.dkim_key_file: {key_file} is no RSA private key in PEM: {error}"
        raise SettingsError([("channels.dkim", problem)]) from None
    return seal
