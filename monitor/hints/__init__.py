"""What is known of an entry's section before anyone reads its title. Pure.

A hint is one voice: the source that declares a section, the block of a page that the entry
stood in, a part of its address, a category of its feed. Each has an origin, and how far an
origin is to be trusted is measured (see ``trust``).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from monitor.stories.address import portal_of
from monitor.text import fold
from monitor.types import ParsedEntry, Source

SOURCE, BLOCK, URL, CATEGORY = "source", "block", "url", "category"
KINDS = (BLOCK, SOURCE, URL, CATEGORY)  # where trust is equal, the first counts
_MOST_CATEGORIES = 8
_MOST_FOLDERS = 4
_LONGEST_NAME = 60
_ADDRESS = re.compile(r"https?://(?:[^/?#@]*@)?([^/?#:]+)[^/?#]*([^?#]*)", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:[/>|,;:·、&]|\band\b)\s*")
_ENDINGS = (" news", "新闻", "频道")


class Hint(NamedTuple):
    """One voice: ``kind`` is one of KINDS, ``key`` names the origin within it.

    Keys: a source's number; for a block and a category that number, a colon and the name;
    a host (``money.163.com``), or a site with the folder that spoke (``bbc.co.uk/sport/``).
    """

    kind: str
    key: str
    section: str


def derive(
    parsed: ParsedEntry, source: Source, names: Mapping[str, str] | None = None
) -> tuple[Hint, ...]:
    """The hints of an entry, at most one of each kind.

    ``names`` says what the classifier calls a section; one that it has no name for is left
    out, but what a person declared of a source is then taken as it is. None changes nothing.
    """
    found = []
    if parsed.section_hint:
        found.append(Hint(BLOCK, f"{source.id}:{parsed.section_hint}", parsed.section_hint))
    if parsed.url:
        found += of_address(parsed.url)
    if parsed.categories:
        found += of_categories(parsed.categories, source.id)
    if names is not None:
        found = [Hint(*each[:2], names[each[2]]) for each in found if each.section in names]
    if source.section:
        said = (names or {}).get(source.section, source.section)
        found.append(Hint(SOURCE, str(source.id), said))
    return tuple(found)


def speaking(hints: Sequence[Hint], names: Mapping[str, str] | None) -> list[Hint]:
    """Those of stored ``hints`` that count while the classifier knows ``names``: the others wait
    for a release that has their section, as one that is rolled back to."""
    return [h for h in hints if names is None or h.section in names or h.kind == SOURCE]


def of_address(url: str) -> tuple[Hint, ...]:
    """What an address says: its host's name if that says anything, else its folders."""
    whole = url.partition("?")[0].partition("#")[0]
    folder = whole.rpartition("/")[0]
    return _of_folder(folder if len(folder) > len("https:/") else whole)


@lru_cache(maxsize=8192)
def _of_folder(address: str) -> tuple[Hint, ...]:
    """The same of an address without its last part: entries share these."""
    match = _ADDRESS.match(address)
    if match is None:
        return ()
    host, path = match[1].lower().rstrip("."), match[2].lower()
    hint = _of_host(host)
    if hint is None:
        for folder in path.split("/")[1:][:_MOST_FOLDERS]:
            if section := _parts().get(folder):
                hint = Hint(URL, f"{_site(host)}/{folder}/", section)
                break
    return (hint,) if hint else ()


@lru_cache(maxsize=4096)
def _of_host(host: str) -> Hint | None:
    site = _site(host)
    if not host.endswith("." + site):
        return None
    for label in host[: -len(site) - 1].split("."):
        if section := _parts().get(label):
            return Hint(URL, host, section)
    return None


@lru_cache(maxsize=4096)
def _site(host: str) -> str:
    """The part of a host's name that its owner registered; the host, where that is unknown."""
    portal = portal_of(f"http://{host}/")
    return host if "/" in portal else portal


def of_categories(names: Iterable[str], source_id: int) -> tuple[Hint, ...]:
    """What the first category says that says anything."""
    for name in list(names)[:_MOST_CATEGORIES]:
        written, section = _of_category(name[:_LONGEST_NAME])
        if section:
            return (Hint(CATEGORY, f"{source_id}:{written}", section),)
    return ()


@lru_cache(maxsize=4096)
def _of_category(name: str) -> tuple[str, str | None]:
    """The category as keys write it, and its section."""
    whole = " ".join(fold(name).text.split())
    for piece in (whole, *_BETWEEN.split(whole)):
        for ending in ("", *_ENDINGS):
            section = _categories().get(piece.removesuffix(ending) if ending else piece)
            if section:
                return whole, section
    return whole, None


@cache
def _words() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((files("monitor.hints") / "words.toml").read_text(encoding="utf-8"))


@cache
def _parts() -> dict[str, str]:
    return {part: section for section, words in _words().items() for part in words["parts"]}


@cache
def _categories() -> dict[str, str]:
    return {name: section for section, words in _words().items() for name in words["categories"]}
