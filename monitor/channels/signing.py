"""Signatures of the Standard Webhooks specification, version v1: HMAC-SHA256."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from hashlib import sha256

PREFIX = "whsec_"
MIN_KEY_BYTES = 24
MAX_KEY_BYTES = 64


def read_key(secret: str) -> bytes:
    """The key that ``whsec_`` and base64 stand for; raises ValueError that never shows it."""
    text = secret.strip().removeprefix(PREFIX)
    padding = "=" * (-len(text) % 4)
    try:
        key = base64.b64decode(text + padding, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"a secret is {PREFIX!r} and base64") from None
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise ValueError(
            f"a secret has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes, this one {len(key)}"
        )
    return key


def headers(number: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of a message: one signature for each key, so that a receiver may change keys.

    ``timestamp`` is the attempt's, in seconds since 1970. Without keys nothing is signed.
    """
    signed = f"{number}.{timestamp}.".encode() + body
    found = {"webhook-id": number, "webhook-timestamp": str(timestamp)}
    if keys:
        found["webhook-signature"] = " ".join(signature(key, signed) for key in keys)
    return found


def signature(key: bytes, signed: bytes) -> str:
    """``v1,`` and the base64 of the HMAC."""
    return "v1," + base64.b64encode(hmac.digest(key, signed, sha256)).decode("ascii")
