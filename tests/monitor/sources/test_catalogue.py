"""The bundled catalogue and the checks of its loader."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import SettingsError
from monitor.sources.catalogue import bundled, default_sections, load


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


@pytest.mark.parametrize(
    ("feed", "word"),
    [
        ('{ name = "a", url = "ftp://a.example/" }', "not an http or https address"),
        ('{ name = "a" }', "not an http or https address"),
        ('{ url = "http://a.example/" }', "has no name"),
        ('{ name = "a", url = "http://a.example/", sektion = "tech" }', "did you mean 'section'"),
        ('{ name = "a", url = "http://a.example/", section = "sport" }', "did you mean 'sports'"),
        ('{ name = "a", url = "http://a.example/", kind = "fed" }', "did you mean 'feed'"),
        ('{ name = "a", url = "http://a.example/", state = "maybe" }', "state is on or off"),
        ('{ name = "a", url = "http://a.example/", checked_on = "soon" }', "checked_on is a date"),
        (
            '{ name="a", url="http://a.example/" }, { name="b", url="http://a.example/" }',
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
        '{ name = "a", url = "http://a.example/", section = "chess", checked_on = 2026-01-31 }]\n',
        encoding="utf-8",
    )
    (entry,) = load(path, {"chess"})
    assert (entry.section, str(entry.checked_on), entry.on) == ("chess", "2026-01-31", False)


def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("[[portal]", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"broken\.toml"):
        load(path)
