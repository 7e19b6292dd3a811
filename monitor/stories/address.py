"""Addresses that mean the same compare equal. Pure."""

from __future__ import annotations

import functools
import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# Parameters that say where a reader came from, not what is read.
TRACKERS = frozenset(
    {
        *("fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "igshid"),
        *("mc_cid", "mc_eid", "_hsenc", "_hsmi", "ocid", "cmpid"),
        *("spm", "scm", "share_token", "share_from"),
    }
)
TRACKER_PREFIXES = ("utm_", "pk_", "mtm_", "at_medium", "at_campaign")


def strip_trackers(url: str) -> str:
    """``url`` without tracking parameters, else letter for letter as given."""
    if "?" not in url:
        return url
    head, _, rest = url.partition("?")
    query, mark, fragment = rest.partition("#")
    kept = [part for part in query.split("&") if not _is_tracker(part.partition("=")[0])]
    if len(kept) == query.count("&") + 1:
        return url
    return head + ("?" + "&".join(kept) if kept else "") + mark + fragment


def canonical_url(url: str) -> str:
    """The form under which two spellings of one address compare equal.

    Scheme and ``www.`` dropped, host in lower case without default port, trackers dropped,
    and the fragment unless it is a way (``#/``, ``#!``); parameters sorted, no slash at the
    end. Not for fetching.
    """
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if mark and scheme in {"http", "https"} and _PLAIN_HOST(host) and _PLAIN_PATH(path):
        return f"//{host.lower().removeprefix('www.')}{slash}{path}".rstrip("/")
    return _canonical_any(url)


# Nearly every address is of this form, and reading it takes a tenth of the time.
_PLAIN_HOST = re.compile(r"[A-Za-z0-9.-]+", re.ASCII).fullmatch
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._~-]*", re.ASCII).fullmatch


def _canonical_any(url: str) -> str:
    try:
        parts = urlsplit(strip_trackers(url).strip())
        host = (parts.hostname or "").removeprefix("www.")
        port = f":{parts.port}" if parts.port not in {None, 80, 443} else ""
        # Bytes that are no UTF-8, as of GBK, stay what they are.
        pairs = parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape")
        query = urlencode(sorted(pairs), errors="surrogateescape")
    except ValueError:
        return url
    # What a page's script is asked for behind a #, as in #/news/1, is read; a place in it is not.
    asked = parts.fragment if parts.fragment.startswith(("/", "!")) else ""
    return urlunsplit(("", host + port, parts.path.rstrip("/"), query, asked))


def _is_tracker(name: str) -> bool:
    lowered = name.lower()
    return lowered in TRACKERS or lowered.startswith(TRACKER_PREFIXES)


# Hosts that carry the feeds of many publishers: there, each feed is a portal of its own.
CARRIERS = frozenset(
    {
        *("rsshub.app", "feedburner.com", "feedx.net", "github.com", "github.io", "blogspot.com"),
        *("wordpress.com", "medium.com", "substack.com", "news.google.com", "localhost"),
        *("rsshub", "newsnow", "dailyhot"),  # programs, as hosts that run them are named
    }
)
_SECOND_LEVEL = frozenset({"com", "co", "net", "org", "gov", "edu", "ac", "or", "ne", "go"})


@functools.lru_cache(maxsize=8192)
def portal_of(url: str) -> str:
    """The portal that a source's address belongs to: ``sina.com.cn`` for each of its channels.

    Where the host is a number, has no name of its own, or carries the feeds of many, every
    address is a portal.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return canonical_url(url)
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdecimal() or ":" in host:
        return canonical_url(url)
    short = len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    site = ".".join(labels[-3:] if short else labels[-2:])
    return canonical_url(url) if {host, site, *labels} & CARRIERS else site
