"""Pages that scripts draw, at the command line: recognised, added with a browser, polled."""

from __future__ import annotations

import json

from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply
from tests.monitor.cli.conftest import HTML

SHELL = """<html><head><title>Harbour</title></head><body><div id="app"></div>
<script src="/a.js"></script><script src="/b.js"></script><script>
fetch("/list").then(answer => answer.json()).then(titles => {
  document.getElementById("app").innerHTML = "<ul>" + titles.map((title, number) =>
    `<li><a href="/news/2026/11/27/10000${number}.html">${title}</a></li>`).join("") + "</ul>";
});
</script></body></html>"""


def publish(portal: HttpServer, *titles: str) -> None:
    portal.route("/", Reply(body=SHELL.encode(), headers=HTML))
    portal.route("/list", Reply(body=json.dumps(titles).encode()))


TITLES = [f"The harbour board approves plan number {number} of this year" for number in range(8)]


def test_a_page_that_scripts_draw_is_said_so_and_watched_with_a_browser(
    cli: CommandLine, portal: HttpServer
) -> None:
    publish(portal, *TITLES)
    portal.route("/rss", Reply(404))
    plain = cli("feeds", "test", portal.url("/"))
    assert plain.code == 1
    assert "written by JavaScript" in plain.err
    assert "--render" in plain.err
    found = cli.good("feeds", "test", portal.url("/"), "--render", "--json").json
    assert [each["title"] for each in found["entries"]] == TITLES
    cli.good("feeds", "add", portal.url("/"), "--render", "--guessed")
    assert cli.good("poll", "--all", "--json").json["new_entries"] == 8
    assert cli.good("poll", "--all", "--json").json["not_modified"] == 1
    publish(portal, *TITLES, "The night ferry is back in service at last")
    assert cli.good("poll", "--all", "--json").json["new_entries"] == 1
    (check,) = [each for each in cli("doctor", "--json").json if each["check"] == "browser"]
    assert (check["result"], check["detail"].rpartition(", ")[2]) == ("ok", "for 1 sources")


def test_a_feed_needs_no_browser(cli: CommandLine, portal: HttpServer) -> None:
    item = "<item><title>Ferry sinks</title><link>http://a.example/1</link></item>"
    body = f"<rss version='2.0'><channel><title>F</title>{item}</channel></rss>".encode()
    portal.route("/", Reply(body=body, headers={"Content-Type": "application/rss+xml"}))
    done = cli("feeds", "add", portal.url("/"), "--render")
    assert done.code != 0
    assert cli.good("feeds", "list", "--json").json == []


def test_what_a_page_may_take_is_a_setting(cli: CommandLine, portal: HttpServer) -> None:
    hoards = (
        "let kept = []; for (let i = 0; i < 40; i++) kept.push(new Blob([new Uint8Array(2e7)]))"
    )
    body = SHELL.replace("fetch(", f"{hoards}; fetch(")
    portal.route("/", Reply(body=body.encode(), headers=HTML))
    portal.route("/list", Reply(body=json.dumps(TITLES).encode()))
    settings = cli.folder / "headlines.toml"
    settings.write_text(settings.read_text().replace("[polling]", "[polling]\nbrowser_mb = 800"))
    done = cli("feeds", "test", portal.url("/"), "--render")
    assert done.code == 1
    assert "takes more than 800 MB of memory (browser_mb of [polling])" in done.err
