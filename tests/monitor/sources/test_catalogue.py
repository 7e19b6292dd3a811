"""The bundled catalogue and the checks of its loader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.addresses import check_url, parse_allowed
from monitor.errors import SettingsError
from monitor.sources import recognise
from monitor.sources.catalogue import bundled, default_sections, load, load_packs, packs
from monitor.stories.address import canonical_url


def test_the_bundled_catalogue_is_sound() -> None:
    entries = bundled()
    assert len(entries) > 300
    assert len({entry.url for entry in entries}) == len(entries)
    assert {entry.section for entry in entries} <= {None, *default_sections()}


def test_the_default_choice_holds_the_portals_that_are_known_alive() -> None:
    chosen = {entry.url for entry in bundled() if entry.on}
    for address in (
        "http://news.163.com/special/00011K6L/rss_newstop.xml",
        "http://rss.sina.com.cn/news/china/focus15.xml",
        "http://rss.sina.com.cn/news/marquee/ddt.xml",
        "http://www.people.com.cn/rss/politics.xml",
        "https://www.chinanews.com.cn/rss/scroll-news.xml",
        "http://www.xinhuanet.com/politics/news_politics.xml",
        "http://news.ifeng.com/rss/index.xml",
        "https://feeds.bbci.co.uk/news/rss.xml",
    ):
        assert address in chosen


def test_nothing_is_claimed_checked_that_was_not() -> None:
    assert not [entry.url for entry in bundled() if entry.checked_on is not None]
    assert {entry.checked_how for entry in bundled()} == {"offline"}


def test_its_addresses_are_allowed_and_stand_once() -> None:
    allowed = parse_allowed(())
    for entry in bundled():
        check_url(entry.url, allowed)
    assert len({canonical_url(entry.url) for entry in bundled()}) == len(bundled())


def test_pages_and_hot_lists_are_read_by_the_adapters_that_they_name() -> None:
    named = [entry for entry in bundled() if entry.kind != "feed"]
    assert {entry.kind for entry in named} == {"page", "hotlist"}
    for entry in named:
        assert recognise.kind_at(entry.url) == (entry.kind, {"adapter": entry.adapter})


def test_what_nobody_saw_of_late_is_old_and_off() -> None:
    for entry in bundled():
        years = [int(year) for year in re.findall(r"\d{4}", entry.seen)]
        assert (entry.state == "old") == bool(years and max(years) < 2019), entry.url


def test_packs_offer_what_may_be_alive_in_their_language() -> None:
    entries = {entry.url: entry for entry in bundled()}
    assert {"finance-zh", "tech-zh", "hot-zh", "world-en"} <= {pack.name for pack in packs()}
    for pack in packs():
        assert len(pack.sources) >= 3
        for url in pack.sources:
            assert entries[url].language == pack.language
            assert entries[url].state in {"on", "off"}


@pytest.mark.parametrize(
    ("pack", "word"),
    [
        ('name = "a"\ntitle = "A"\nlanguage = "en"\nsources = ["http://b.example/"]', "has no"),
        ('name = "a"\ntitle = "A"\nsources = []', "language must be set"),
        (
            (
                'name = "a"\ntitle = "A"\nlanguage = "en"\n'
                'sources = ["http://a.example/", "http://a.example/"]'
            ),
            "an address stands twice",
        ),
        (
            (
                'name = "a"\ntitle = "A"\nlanguage = "en"\nsources = []\n[[pack]]\n'
                'name = "a"\ntitle = "A"\nlanguage = "en"\nsources = []'
            ),
            "the pack stands twice",
        ),
    ],
)
def test_a_wrong_pack_is_refused(tmp_path: Path, pack: str, word: str) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(f"[[pack]]\n{pack}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=word):
        load_packs(path, {"http://a.example/"})


@pytest.mark.parametrize(
    ("feed", "word"),
    [
        ('{ name = "a", url = "ftp://a.example/" }', "not an http or https address"),
        ('{ name = "a" }', "not an http or https address"),
        ('{ url = "http://a.example/" }', "has no name"),
        ('{ name = "a", url = "http://a.example/", sektion = "tech" }', "did you mean 'section'"),
        ('{ name = "a", url = "http://a.example/", section = "sport" }', "did you mean 'sports'"),
        ('{ name = "a", url = "http://a.example/", kind = "fed" }', "did you mean 'feed'"),
        ('{ name = "a", url = "http://a.example/", state = "maybe" }', "state is on, off, old"),
        ('{ name = "a", url = "http://a.example/", checked_on = "soon" }', "checked_on is a date"),
        ('{ name = "a", url = "http://a.example/", checked_how = "luck" }', "offline or fetched"),
        ('{ name = "a", url = "http://a.example/", checked_how = "fetched" }', "stand together"),
        ('{ name = "a", url = "http://a.example/", kind = "page" }', "name their adapter"),
        ('{ name = "a", url = "http://a.example/", adapter = "163" }', "name their adapter"),
        (
            '{ name="a", url="http://a.example/" }, { name="b", url="https://www.a.example" }',
            "stands twice",
        ),
    ],
)
def test_errors_name_the_place_and_the_way_out(tmp_path: Path, feed: str, word: str) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(
        f'[[portal]]\nname = "P"\nlanguage = "en"\nfeeds = [{feed}]\n', encoding="utf-8"
    )
    with pytest.raises(SettingsError, match=word) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_catalogue_of_ones_own_may_use_other_sections(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[portal]]\nname = "P"\nlanguage = "en"\nfeeds = [\n'
        '{ name = "a", url = "http://a.example/", section = "chess", checked_on = 2026-01-31, '
        'checked_how = "fetched" }]\n',
        encoding="utf-8",
    )
    (entry,) = load(path, {"chess"})
    assert (entry.section, str(entry.checked_on), entry.on) == ("chess", "2026-01-31", False)


def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("[[portal]", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"broken\.toml"):
        load(path)
