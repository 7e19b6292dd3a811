"""``feeds``: finding the feed of a page, lists in and out, portals tried."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from monitor.sources.opml import Node, read_opml
from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply
from tests.monitor.cli.conftest import HTML, RSS, TITLES, page, rss

PORTALS = Path(__file__).parents[2] / "data" / "portals"
STORIES = (
    "<html><body><ul>"
    + "".join(
        f'<li><a href="/2026/01/{number:02}/story-{number}0001.html">'
        f"Council approves plan number {number} for the harbour</a></li>"
        for number in range(1, 7)
    )
    + "</ul></body></html>"
).encode()
LISTED = {
    "id", "url", "name", "kind", "state", "section", "language", "labels", "interval_s", "history",
    "retention_days", "created_at", "last_fetch_at", "last_new_at", "next_fetch_at", "failures",
    "last_error",
}  # fmt: skip


def listed(cli: CommandLine) -> list[dict[str, object]]:
    found: list[dict[str, object]] = cli.good("feeds", "list", "--json").json
    return found


def test_a_feed_is_added_under_its_own_title(stored: CommandLine, portal: HttpServer) -> None:
    url = portal.url("/rss")
    stored.good(
        "feeds", "add", url, "--section", "finance", "--every", "5m", "--label", "a", "--keep", "7"
    )
    (row,) = listed(stored)
    assert set(row) == LISTED
    assert (row["url"], row["name"], row["section"]) == (url, "Portal News", "finance")
    assert (row["interval_s"], row["labels"], row["retention_days"]) == (300, ["a"], 7)
    assert row["language"] == "zh-cn"


def test_a_chosen_interval_is_kept_though_it_is_the_usual_one(
    cli: CommandLine, portal: HttpServer
) -> None:
    """The rhythm of a weekly column would ask for hours."""
    now = datetime.now(UTC)
    items = "".join(
        f"<item><title>weekly column number {week}</title><guid>{week}</guid>"
        f"<pubDate>{format_datetime(now - timedelta(days=7 * week + 3))}</pubDate></item>"
        for week in range(7)
    )
    portal.route(
        "/weekly", Reply(body=f"<rss><channel>{items}</channel></rss>".encode(), headers=RSS)
    )
    cli.good("feeds", "add", portal.url("/weekly"), "--every", "15m")
    cli.good("poll")
    (row,) = listed(cli)
    assert row["interval_s"] == 900
    waits = [datetime.fromisoformat(str(row[f"{when}_fetch_at"])) for when in ("last", "next")]
    assert waits[1] - waits[0] < timedelta(minutes=16)


def test_the_name_that_was_asked_for_wins(cli: CommandLine, portal: HttpServer) -> None:
    cli.good("feeds", "add", portal.url("/rss"), "--name", "Mine")
    assert listed(cli)[0]["name"] == "Mine"


def test_adding_twice_is_told_and_changes_nothing(stored: CommandLine, portal: HttpServer) -> None:
    stored.good("feeds", "add", portal.url("/rss"))
    again = stored.good("feeds", "add", portal.url("/rss"), "--name", "Other")
    assert "already" in again.out
    assert [row["name"] for row in listed(stored)] == ["Portal News"]


def test_a_page_with_one_feed_gives_that_one(cli: CommandLine, portal: HttpServer) -> None:
    portal.route("/", page("/rss"))
    cli.good("feeds", "add", portal.url("/"))
    (row,) = listed(cli)
    assert (row["url"], row["name"]) == (portal.url("/rss"), "Portal News")


def test_a_page_with_several_feeds_is_a_choice(cli: CommandLine, portal: HttpServer) -> None:
    portal.route("/", page("/rss", "/sports"))
    portal.route("/sports", Reply(body=rss("Sports"), headers=RSS))
    printed = cli("feeds", "add", portal.url("/"))
    assert printed.code == 2
    assert f"1  {portal.url('/rss')}" in printed.err
    assert f"2  {portal.url('/sports')}" in printed.err
    assert "--pick" in printed.err
    assert cli("feeds", "add", portal.url("/"), "--pick", "3").code == 2
    assert listed(cli) == []
    cli.good("feeds", "add", portal.url("/"), "--pick", "2")
    assert [row["name"] for row in listed(cli)] == ["Sports"]


def test_a_page_without_feeds_leads_to_the_usual_places(
    cli: CommandLine, portal: HttpServer
) -> None:
    portal.route("/news/today", page())
    cli.good("feeds", "add", portal.url("/news/today"))
    assert listed(cli)[0]["url"] == portal.url("/rss")


def test_a_site_without_feeds_says_so(cli: CommandLine) -> None:
    with HttpServer() as bare:
        bare.route("/", page())
        printed = cli("feeds", "add", bare.url("/"))
    assert printed.code == 1
    assert "the feed's own address" in printed.err
    assert listed(cli) == []


def test_a_page_that_calls_itself_a_feed(cli: CommandLine, portal: HttpServer) -> None:
    portal.route("/", page("/other"))
    portal.route("/other", page("/rss"))
    assert cli("feeds", "add", portal.url("/")).code == 1


def test_a_dead_server_is_told_with_the_way_out(cli: CommandLine) -> None:
    with HttpServer() as gone:
        url = gone.url("/rss")
    printed = cli("feeds", "add", url)
    assert printed.code == 1
    assert "--unchecked" in printed.err
    cli.good("feeds", "add", url, "--unchecked")
    assert [row["url"] for row in listed(cli)] == [url]


def test_hostile_18_private_addresses_name_the_setting_that_opens_them(
    cli: CommandLine, portal: HttpServer
) -> None:
    (cli.folder / "headlines.toml").write_text("")
    hidden = f"127.0.0.1:{portal.port}"
    subscriptions = cli.folder / "list.opml"
    subscriptions.write_text(
        f'<opml version="2.0"><body><outline text="x" xmlUrl="http://{hidden}/rss"/>'
        '<outline text="y" xmlUrl="https://portal.example/rss"/></body></opml>'
    )
    for argv in (("add",), ("test",), ("add", "--unchecked")):
        printed = cli("feeds", *argv, f"http://{hidden}/rss")
        assert printed.code == 2
        assert f'add "{hidden}" to allow_private' in printed.err
    printed = cli.good("feeds", "import", subscriptions)
    assert "2 feeds" in printed.out
    assert "1 left out" in printed.out
    assert "allow_private" in printed.err
    assert [row["name"] for row in listed(cli)] == ["y"]
    assert portal.requests == []


def test_a_source_is_paused_resumed_and_forgotten(filled: CommandLine) -> None:
    filled.good("feeds", "pause", "Portal News")
    assert listed(filled)[0]["state"] == "paused"
    assert filled.good("poll", "--all", "--json").json["sources"] == 0
    filled.good("feeds", "resume", "1")
    assert listed(filled)[0]["state"] == "active"
    printed = filled.good("feeds", "remove", str(listed(filled)[0]["url"]))
    assert f"{len(TITLES)} entries" in printed.out
    assert listed(filled) == []


def test_subscriptions_survive_the_database(stored: CommandLine) -> None:
    document = """<opml version="2.0" xmlns:my="urn:my"><head><title>x</title></head><body>
      <outline text="新闻" my:color="red"><outline text="Deep &amp; down">
        <outline text="A &quot;b&quot;" type="rss" xmlUrl="https://a.example/?x=1&amp;y=2"
                 htmlUrl="https://a.example/" description="d" custom="c"/></outline></outline>
      <outline text="short" title="A long name" type="rss" xmlUrl="https://aa.example/"/>
      <outline text="plain" type="atom" xmlUrl="https://b.example/atom"/></body></opml>"""
    first = stored.folder / "first.opml"
    first.write_text(document, encoding="utf-8")
    stored.good("feeds", "import", first, "--every", "10m")
    exported = stored.good("feeds", "export").out.encode()
    before, after = (read_opml(body).root for body in (document.encode(), exported))
    assert after.attributes == before.attributes
    assert set(before.children[0].children) <= set(after.children[0].children)
    strip = {"headlinesInterval"}
    was, now = outlines(before), outlines(after)
    assert [(around, without(strip, node)) for around, node in now] == [
        (around, without(strip, node)) for around, node in was
    ]
    second = stored.folder / "second.opml"
    second.write_bytes(exported)
    assert "0 added, 3 known" in stored.good("feeds", "import", second).out
    rows = listed(stored)
    assert [row["labels"] for row in rows] == [["新闻", "Deep & down"], [], []]
    assert {row["interval_s"] for row in rows} == {600}


def test_a_feed_in_several_folders_stays_in_each(stored: CommandLine) -> None:
    feed = '<outline text="x" title="x" type="rss" xmlUrl="https://a.example/"/>'
    document = f"""<opml version="2.0"><body><outline text="A" my="1"><outline text="deep">{feed}
      {feed}</outline></outline><outline text="B">{feed}</outline></body></opml>"""
    path = stored.folder / "twice.opml"
    path.write_text(document)
    stored.good("feeds", "import", path)
    assert [row["labels"] for row in listed(stored)] == [["A", "deep", "B"]]
    exported = read_opml(stored.good("feeds", "export").out.encode()).root
    assert exported.children[1] == read_opml(document.encode()).root.children[0]


def without(names: set[str], node: Node) -> Node:
    """The outline with all in it, without these attributes."""
    attributes = tuple(pair for pair in node.attributes if pair[0] not in names)
    return Node(
        node.name, attributes, node.text, tuple(without(names, each) for each in node.children)
    )


def outlines(node: Node, around: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Node]]:
    """Every outline below ``node``, with the texts of those around it."""
    found = []
    for child in node.children:
        inner = around
        if child.name == "outline":
            found.append((around, child))
            inner = (*around, child.get("text"))
        found += outlines(child, inner)
    return found


def test_hostile_34_outlines_without_feeds_come_out_as_they_went_in(stored: CommandLine) -> None:
    feed = '<outline text="x" title="x" type="rss" xmlUrl="https://a.example/"/>'
    deep = '<outline text="d">' * 200 + "</outline>" * 200
    document = f"""<opml version="2.0"><head><a:b xmlns:a="u">c</a:b></head><body>
      <outline text="empty" k="v"/><outline text="A">{feed}<outline text="none in it" my="1">
      <outline text="a link" type="link" url="https://l.example/"/>said</outline></outline>
      <outline text="B"><outline text="as" title="it was" type="rss" xmlUrl="https://a.example/"/>
      </outline><outline text="old" xmlUrl="feed://f.example/"/><outline/>{deep}</body></opml>"""
    path = stored.folder / "links.opml"
    for round_ in range(2):
        path.write_text(document)
        printed = stored.good("feeds", "import", path)
        assert "kept for the export" in printed.err
        document = stored.good("feeds", "export").out
        if round_ == 0:
            before = outlines(read_opml(path.read_bytes()).root)
        after = outlines(read_opml(document.encode()).root)
        assert [each for each in before if each not in after] == []
        assert len(after) == len(before)
    links = stored.folder / "only.opml"
    links.write_text('<opml><body><outline text="a" url="https://k.example/"/></body></opml>')
    assert "1 outlines that it did not have" in stored.good("feeds", "import", links).out
    assert 'url="https://k.example/"' in stored.good("feeds", "export").out


def test_an_export_carries_sections_and_intervals_elsewhere(
    stored: CommandLine, portal: HttpServer
) -> None:
    stored.good("feeds", "add", portal.url("/rss"), "--section", "tech", "--every", "7m")
    exported = stored.folder / "out.opml"
    exported.write_bytes(stored.good("feeds", "export").out.encode())
    stored.good("feeds", "remove", "1")
    stored.good("feeds", "import", exported)
    (row,) = listed(stored)
    assert (row["section"], row["interval_s"]) == ("tech", 420)
    exported.write_text(exported.read_text().replace("tech", "spots"))
    stored.good("feeds", "remove", str(row["url"]))
    assert "no section 'spots'" in stored.good("feeds", "import", exported).err
    assert listed(stored)[0]["section"] is None


def test_files_that_are_no_opml(cli: CommandLine) -> None:
    bad = cli.folder / "bad.opml"
    for body in (b"", b"\x00\xff\xfe", b"<html/>", b"[1, 2]"):
        bad.write_bytes(body)
        printed = cli("feeds", "import", bad)
        assert printed.code == 1
        assert "bad.opml" in printed.err
    assert cli("feeds", "import", cli.folder).code == 2


def test_hostile_34_two_thousand_outlines_are_imported(
    stored: CommandLine, capsys: pytest.CaptureFixture[str]
) -> None:
    import time

    outlines = "".join(
        f'<outline text="F{number % 20}"><outline text="T{number}" type="rss" '
        f'xmlUrl="https://host{number}.example/rss" custom="{number}"/></outline>'
        for number in range(2_000)
    )
    path = stored.folder / "many.opml"
    path.write_text(f'<opml version="2.0"><body>{outlines}</body></opml>')
    started = time.perf_counter()
    printed = stored.good("feeds", "import", path)
    with capsys.disabled():
        print(f"\n2,000 outlines in {time.perf_counter() - started:.2f} s")
    assert "2000 added" in printed.out
    assert len(listed(stored)) == 2_000


def test_a_saved_document_shows_what_it_would_yield(cli: CommandLine) -> None:
    saved = cli.folder / "saved.xml"
    saved.write_bytes(rss("Saved"))
    for argv in (("https://portal.example/rss",), ()):
        found = cli.good("feeds", "test", *argv, "--file", saved, "--json").json
        assert {"kind", "entries", "problems"} <= set(found)
        assert found["kind"] == "feed"
        assert [entry["title"] for entry in found["entries"]] == list(TITLES)
        for entry in found["entries"]:
            assert set(entry) == {
                "title", "url", "source", "author", "published_at", "section", "rank",
            }  # fmt: skip
        assert found["entries"][0]["source"] == "Saved"
    saved.write_bytes(b"no feed")
    printed = cli("feeds", "test", "https://portal.example/rss", "--file", saved, "--json")
    assert printed.code == 1
    assert not printed.out
    assert "saved.xml" in printed.err


def test_a_live_address_shows_what_it_would_yield(cli: CommandLine, portal: HttpServer) -> None:
    found = cli.good("feeds", "test", portal.url("/rss"), "--json").json
    assert len(found["entries"]) == len(TITLES)
    portal.route("/", page("/rss", "/x"))
    printed = cli("feeds", "test", portal.url("/"))
    assert printed.code == 1
    assert portal.url("/x") in printed.err
    portal.route("/broken", Reply(body=b"\x00" * 100, headers=HTML))
    portal.route("/error", Reply(status=500))
    assert "500" in cli("feeds", "test", portal.url("/error")).err
    assert cli("feeds", "test", portal.url("/broken")).code == 1


def test_sources_are_checked_once_each(filled: CommandLine, portal: HttpServer) -> None:
    portal.route("/page", page())
    filled.good("feeds", "add", portal.url("/gone"), "--unchecked", "--name", "gone")
    filled.good("feeds", "add", portal.url("/page"), "--unchecked", "--name", "page")
    asked = len(portal.requests)
    printed = filled("feeds", "check", "--json")
    assert printed.code == 1
    assert [(row["name"], row["entries"]) for row in printed.json] == [
        ("Portal News", len(TITLES)), ("gone", None), ("page", None),
    ]  # fmt: skip
    assert len(portal.requests) == asked + 3
    assert "http-status" in printed.json[1]["message"]
    filled.good("feeds", "remove", "gone")
    filled.good("feeds", "remove", "page")
    assert "Portal News" in filled.good("feeds", "check").out


def test_the_catalogue_is_listed_and_added(cli: CommandLine) -> None:
    on = cli.good("feeds", "catalogue", "--json").json
    all_ = cli.good("feeds", "catalogue", "--all", "--json").json
    assert 0 < len(on) < len(all_)
    assert all(portal["on"] for portal in on)
    assert f"added {len(on)} portals" in cli.good("feeds", "catalogue", "--add").out
    assert "added 0 portals" in cli.good("feeds", "catalogue", "--add").out
    off = next(portal["url"] for portal in all_ if not portal["on"])
    assert "added 1 portals" in cli.good("feeds", "catalogue", "--add", off).out
    assert len(listed(cli)) == len(on) + 1
    sports = cli.good("feeds", "catalogue", "--all", "--section", "sports", "--json").json
    assert {portal["section"] for portal in sports} == {"sports"}


def test_saved_bytes_of_any_kind_never_hurt(cli: CommandLine, tmp_path: Path) -> None:
    saved = tmp_path / "x"
    for body in (b"", b"\xff" * 1000, b"<rss>", b"{" * 100_000, b"<!DOCTYPE a [<!ENTITY b 'c'>]>"):
        saved.write_bytes(body)
        assert cli("feeds", "test", "--file", saved).code in {0, 1}


def test_a_portal_page_and_a_hot_list_are_recognised(cli: CommandLine) -> None:
    saved = cli.folder / "saved.html"
    saved.write_bytes((PORTALS / "163-front.html").read_bytes())
    url = "https://news.163.com/"
    found = cli.good("feeds", "test", url, "--file", saved, "--json").json
    assert (found["kind"], found["format"]) == ("page", "page:163/front")
    ranked = {each["rank"]: each for each in found["entries"] if each["rank"]}
    assert ranked[1]["heat"] == 146_889
    assert [each["section"] for each in found["entries"]].count("finance") == 2
    picked = cli.good(
        "feeds", "test", url, "--file", saved, "--selector", ".mod_money li", "--json"
    )
    assert len(picked.json["entries"]) == 1
    assert "page (page:163/front)" in cli.good("feeds", "test", url, "--file", saved).out
    saved.write_text('{"status": "success", "id": "x", "items": [{"title": "a", "url": "/b"}]}')
    found = cli.good("feeds", "test", "https://now.example/", "--file", saved, "--json").json
    assert (found["kind"], found["entries"][0]["rank"]) == ("hotlist", 1)


def test_a_hot_list_is_added_by_its_address(cli: CommandLine, portal: HttpServer) -> None:
    body = b'{"status": "cache", "id": "x", "items": [{"title": "One topic", "url": "/b"}]}'
    portal.route("/api/s", Reply(body=body, headers={"Content-Type": "application/json"}))
    printed = cli.good("feeds", "add", portal.url("/api/s"))
    assert "a hotlist of 1 headlines" in printed.out
    assert listed(cli)[0]["kind"] == "hotlist"
    assert cli.good("poll", "--json").json["new_entries"] == 1


def test_a_hot_list_that_is_empty_just_now_passes_its_check(
    cli: CommandLine, portal: HttpServer
) -> None:
    portal.route("/hot", Reply(body=b'{"data": {"realtime": [{"word": "One topic"}]}}'))
    cli.good("feeds", "add", portal.url("/hot"))
    portal.route("/hot", Reply(body=b'{"data": {"realtime": []}}'))
    (checked,) = cli.good("feeds", "check", "--json").json
    assert (checked["entries"], checked["message"]) == (0, "hotlist:weibo")


def test_a_page_without_feed_is_shown_before_it_is_added(
    cli: CommandLine, portal: HttpServer
) -> None:
    portal.route("/", Reply(body=STORIES, headers=HTML))
    portal.route("/rss", Reply(status=404))
    printed = cli("feeds", "add", portal.url("/"))
    assert printed.code == 2
    assert "Council approves plan number 3 for the harbour" in printed.out
    assert "--guessed" in printed.err
    assert listed(cli) == []
    cli.good("feeds", "add", portal.url("/"), "--guessed")
    assert listed(cli)[0]["kind"] == "page"
    assert cli.good("poll", "--json").json["new_entries"] == 6


def test_a_page_that_its_server_refuses_to_programs_is_told(
    cli: CommandLine, portal: HttpServer
) -> None:
    portal.route("/", Reply(body=STORIES, headers=HTML))
    portal.route("/rss", Reply(status=404))
    portal.route("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /"))
    printed = cli("feeds", "add", portal.url("/"), "--guessed")
    assert printed.code == 0
    assert "robots.txt asks HeadlineMonitor not to read this page" in printed.err
    assert "robots = false" in printed.err
    assert cli.good("poll", "--json").json["failed"] == 1
    assert listed(cli)[0]["last_error"].startswith("robots: ")


def test_a_page_that_javascript_writes_is_told(cli: CommandLine, portal: HttpServer) -> None:
    body = b'<html><body><div id="app"></div><script src="/a.js"></script></body></html>'
    portal.route("/", Reply(body=body, headers=HTML))
    portal.route("/rss", Reply(status=404))
    printed = cli("feeds", "add", portal.url("/"))
    assert printed.code == 1
    assert "JavaScript" in printed.err


def test_one_selector_corrects_a_page(cli: CommandLine, portal: HttpServer) -> None:
    portal.route("/", Reply(body=STORIES, headers=HTML))
    printed = cli("feeds", "add", portal.url("/"), "--selector", "table a")
    assert printed.code == 2
    assert "finds no headline" in printed.err
    cli.good("feeds", "add", portal.url("/"), "--selector", "li:first-child a")
    assert [row["entries"] for row in cli.good("feeds", "check", "--json").json] == [1]
    assert cli.good("poll", "--json").json["new_entries"] == 1


def test_an_address_alone_tells_the_kind(cli: CommandLine) -> None:
    printed = cli.good("feeds", "add", "https://news.163.com/", "--unchecked")
    assert "a page)" in printed.out
    cli.good("feeds", "add", "https://weibo.com/ajax/side/hotSearch", "--unchecked")
    assert {row["kind"] for row in listed(cli)} == {"page", "hotlist"}
