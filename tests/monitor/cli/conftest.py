"""A command line in a fresh folder, and a portal on loopback to point it at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply

TITLES = (
    "央行宣布降息25个基点",
    "国足三比零取胜晋级决赛",
    "新款电动汽车今日上市",
    "某地发生五点二级地震",
    "高考报名人数创新高",
    "Fed announces rate cut",
    "AI芯片公司发布新品",
)
HTML = {"Content-Type": "text/html; charset=utf-8"}
RSS = {"Content-Type": "application/rss+xml"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # a published example


def rss(name: str, titles: tuple[str, ...] = TITLES) -> bytes:
    items = "".join(
        f"<item><title>{title}</title><link>https://portal.example/{name}/{at}</link>"
        f"<author>desk@portal.example</author></item>"
        for at, title in enumerate(titles)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
        f"<title>{name}</title><language>zh-cn</language>{items}</channel></rss>"
    ).encode()


def page(*feeds: str) -> Reply:
    links = "".join(
        f'<link rel="alternate" type="application/rss+xml" href="{feed}" title="feed {feed}">'
        for feed in feeds
    )
    return Reply(body=f"<html><head>{links}</head><body>news</body></html>".encode(), headers=HTML)


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    for name in list(os.environ):
        if name.startswith("HEADLINES_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    found = CommandLine(tmp_path, capsys)
    found.configure()
    return found


@pytest.fixture
def stored(cli: CommandLine, database_url: str) -> CommandLine:
    """The same on a migrated database, of each engine in turn."""
    cli.configure(database=database_url)
    return cli


@pytest.fixture
def portal() -> Iterator[HttpServer]:
    with HttpServer() as server:
        server.route("/rss", Reply(body=rss("Portal News"), headers=RSS))
        yield server


@pytest.fixture
def filled(stored: CommandLine, portal: HttpServer) -> CommandLine:
    """Seven polled entries, numbered from 1 in the order of TITLES."""
    stored.good("feeds", "add", portal.url("/rss"), "--section", "finance")
    assert stored.good("poll", "--json").json["new_entries"] == len(TITLES)
    return stored


@pytest.fixture
def hooked(cli: CommandLine, database_url: str, portal: HttpServer) -> CommandLine:
    portal.route("/hook", Reply(status=204))
    cli.configure(
        f'[channels.hook]\nkind = "webhook"\nurl = "{portal.url("/hook")}"\n'
        f'secrets = ["{SECRET}"]\n',
        database_url,
    )
    return cli
