"""Pages drawn by the system's Chromium, and what such a page can not reach, cost or leave."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import trustme

from monitor.client import ClientSettings, HttpClient
from monitor.fetch import Fetcher, FetchSettings
from monitor.rendering import browser
from monitor.rendering.bounds import Bounds
from monitor.rendering.browser import Browser
from monitor.types import FailureKind, Fetched, FetchRequest, Outcome
from tests.e2e.process import until
from tests.httpserver import Exchange, HttpServer, Reply
from tests.mailserver import server_tls
from tests.monitor.rendering.pages import HTML, QUICK, Family, draw, page, refusal

DRAWN = """<html><head><title>App</title></head><body><div id="app"></div><script>
fetch("/list").then(answer => answer.json()).then(titles => {
  document.getElementById("app").innerHTML = titles.map(title => `<a href="/${title}">${title}</a>`)
    .join("");
});
</script></body></html>"""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's pages are drawn; its name leaves room for the sockets below it."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_a_page_is_read_as_its_scripts_drew_it(server: HttpServer, place: Path) -> None:
    page(server, DRAWN)
    server.route("/list", Reply(body='["央行降息", "油价上调"]'.encode()))
    with Family() as family:
        answer = draw(server)
    text = answer.body.decode()
    assert '<a href="/央行降息">央行降息</a><a href="/油价上调">' in text
    assert "<script" not in text
    assert (answer.status, answer.url) == (200, server.url())
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert {request.headers["user-agent"] for request in server.requests} == {"tester/1"}
    assert family.gone()
    assert list(place.iterdir()) == []


def test_a_long_temporary_folder_leaves_no_room_for_sockets_and_is_not_used(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    page(server, "<p>news</p>")
    assert b"news" in draw(server).body


def test_what_a_killed_program_left_is_removed(server: HttpServer, place: Path) -> None:
    old, new = place / "headlines-page-old", place / "headlines-page-new"
    for folder in (old, new):
        (folder / "profile").mkdir(parents=True)
    os.utime(old, (1, 1))
    page(server, "<p>news</p>")
    draw(server)
    assert list(place.iterdir()) == [new]


def test_others_are_fetched_while_pages_wait_to_be_drawn(
    server: HttpServer, tmp_path: Path
) -> None:
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    here = f"127.0.0.1:{server.port}"
    server.route("/feed", Reply(body=b"x"))

    async def main() -> list[Outcome]:
        settings = FetchSettings(timeout_s=2.0, window_s=1.0, concurrency=4, gap_s=0.0)
        drawing = Browser("tester/1", (here,), str(program))
        async with HttpClient(ClientSettings("t", allow_private=(here,))) as client:
            drawn = [
                FetchRequest(number, f"http://host{number}.example/", render=True)
                for number in range(20)
            ]
            feed = FetchRequest(99, server.url("/feed"))
            fetcher = Fetcher(client, settings, browser=drawing)
            return [each async for each in fetcher.fetch_all([*drawn, feed])]

    found = asyncio.run(main())
    assert isinstance(found[0], Fetched)
    assert len(found) < 10  # the rest is left to a later round


def test_a_round_does_not_wait_for_a_page_of_another_round(
    server: HttpServer, tmp_path: Path
) -> None:
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    here = f"127.0.0.1:{server.port}"
    server.route("/feed", Reply(body=b"x"))
    ended: list[str] = []

    async def main() -> None:
        settings = FetchSettings(timeout_s=9.0, window_s=1.0, gap_s=0.0)
        drawing = Browser("tester/1", (here,), str(program))
        async with HttpClient(ClientSettings("t", allow_private=(here,))) as client:
            fetcher = Fetcher(client, settings, browser=drawing)

            async def round_of(name: str, *paths: str) -> list[Outcome]:
                pages = [FetchRequest(1, f"http://{name}.example/", render=True)]
                wanted = [*pages, *(FetchRequest(2, server.url(path)) for path in paths)]
                found = [each async for each in fetcher.fetch_all(wanted)]
                ended.append(name)
                return found

            first = asyncio.create_task(round_of("slow"))
            second = asyncio.create_task(round_of("other", "/feed"))
            assert [each.source_id for each in await second] == [2]
            assert [each.source_id for each in await first] == [1]

    asyncio.run(main())
    assert ended == ["other", "slow"]


def test_pictures_are_not_loaded_and_redirects_are_followed(server: HttpServer) -> None:
    server.route("/", Reply(302, headers={"Location": server.url("/there")}))
    page(server, '<img src="/picture.png"><p>here</p>', "/there")
    answer = draw(server)
    assert answer.url == server.url("/there")
    assert answer.permanent_url is None
    assert server.count("/picture.png") == 0


@pytest.mark.parametrize("status", [404, 429, 503])
def test_the_documents_own_status_counts(server: HttpServer, status: int) -> None:
    server.route("/", Reply(status, b"<p>no</p>", {**HTML, "Retry-After": "60"}))
    answer = draw(server)
    assert (answer.status, answer.headers["retry-after"]) == (status, "60")


def test_hostile_18_a_drawn_page_reaches_no_address_that_a_fetch_would_not(
    server: HttpServer,
) -> None:
    with HttpServer() as inner:
        hidden = [inner.url("/a"), f"http://localhost:{inner.port}/b", "http://169.254.169.254/c"]
        tries = "".join(
            f"fetch('{url}', {{mode: 'no-cors'}}).then(() => note('in'), () => note('out'));"
            for url in hidden
        )
        sockets = f"new WebSocket('ws://127.0.0.1:{inner.port}/d');"
        frame = (
            f"<iframe src='{inner.url('/e')}'></iframe><a ping='{inner.url('/f')}' href='#'>x</a>"
        )
        note = "function note(what) { document.body.append(what + ' '); }"
        page(server, f"<body>{frame}<script>{note}{tries}{sockets}</script></body>")
        text = draw(server).body.decode()
        assert inner.connections == 0
    assert text.count("in ") + text.count("out ") == len(hidden)


def test_a_drawn_page_sends_no_datagram_past_the_gate(server: HttpServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inner:
        inner.bind(("127.0.0.1", 0))
        inner.setblocking(False)
        peer = f"{{iceServers: [{{urls: 'stun:127.0.0.1:{inner.getsockname()[1]}'}}]}}"
        page(
            server,
            f"<body><script>const peer = new RTCPeerConnection({peer});"
            "peer.onicegatheringstatechange = () => fetch('/' + peer.iceGatheringState);"
            "peer.createDataChannel('x');"
            "peer.createOffer().then(offer => peer.setLocalDescription(offer));"
            "setInterval(() => fetch('/again'), 50)</script></body>",
        )
        draw(server)
        assert server.count("/gathering")
        with pytest.raises(BlockingIOError):
            inner.recv(2_000)


def test_hostile_19_a_redirect_to_a_private_address_is_refused_by_name(server: HttpServer) -> None:
    with HttpServer() as inner:
        server.route("/", Reply(302, headers={"Location": inner.url()}))
        error = refusal(server)
        assert inner.connections == 0
    assert error.kind is FailureKind.REFUSED_ADDRESS
    assert "not on the public internet" in str(error)
    assert refusal(server, "http://10.0.0.1/").kind is FailureKind.REFUSED_ADDRESS


def test_a_server_that_is_not_there_is_a_network_failure(server: HttpServer) -> None:
    assert refusal(server, closed(), allow=("127.0.0.1",)).kind is FailureKind.CONNECT


def test_a_page_that_never_rests_is_taken_as_it_stands(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "SETTLE_S", 0.5)
    page(server, "<p>news</p><script>setInterval(() => fetch('/again'), 50)</script>")
    server.route("/again", Reply(body=b"{}"))
    assert b"news" in draw(server).body


def test_a_page_that_grows_too_large_is_cut_off_by_name(server: HttpServer) -> None:
    page(server, "<body><script>document.body.append('x'.repeat(3_000_000))</script></body>")
    assert refusal(server, limits=replace(QUICK, max_bytes=1_000_000)).kind is FailureKind.TOO_LARGE


def test_windows_downloads_and_dialogs_hold_nothing_up(server: HttpServer) -> None:
    page(
        server,
        "<p>news</p><iframe src='/file'></iframe>"
        "<script>window.open('/other'); alert('hello'); document.body.append('after')</script>",
    )
    server.route("/file", Reply(body=b"x", headers={"Content-Disposition": "attachment"}))
    page(server, "<p>other</p>", "/other")
    assert b"after" in draw(server).body


def test_what_is_missing_is_said_with_the_way_out(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "browser of [polling]" in str(refusal(server, program="/no/such/program"))
    monkeypatch.setenv("PATH", "/nonexistent")
    error = refusal(server)
    assert error.kind is FailureKind.BROWSER
    assert "apt install chromium" in str(error)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "headline-monitor[browser]" in str(refusal(server))


def test_a_program_that_is_no_browser_is_an_error_in_words(server: HttpServer) -> None:
    error = refusal(server, program=shutil.which("true") or "/bin/true")
    assert error.kind is FailureKind.BROWSER
    assert "could not be drawn" in str(error)


def test_the_browser_ends_with_a_parent_that_is_killed(server: HttpServer) -> None:
    async def hold(exchange: Exchange) -> None:
        await exchange.drip(b"HTTP/1.1 200 OK\r\n", every_s=0.2, piece=1)

    server.route("/", hold)
    allowed = f"127.0.0.1:{server.port}"
    program = (
        "import asyncio; from monitor.rendering.browser import Browser;"
        f"asyncio.run(Browser('t', ('{allowed}',)).get('{server.url()}'))"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    try:
        with Family(parent.pid) as family:
            server.wait_for(lambda: server.count("/") > 0, 20)
            until(lambda: family.living("--type=renderer"), 10, "the page's own process")
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    until(family.gone, 10, "the browser is gone")


def test_a_page_that_sends_us_on_is_read_where_it_leads(server: HttpServer) -> None:
    page(server, "<script>setTimeout(() => location = '/2', 100)</script>first")
    server.route("/2", Reply(404, b"<p>second</p>", HTML))
    answer = draw(server)
    assert (answer.status, answer.url) == (404, server.url("/2"))
    assert b"second" in answer.body


def closed() -> str:
    """An address on which nobody listens."""
    with HttpServer() as gone:
        return gone.url()


def test_a_page_that_sends_us_to_nowhere_is_a_network_failure(server: HttpServer) -> None:
    page(server, f"<script>location = '{closed()}'</script>first")
    assert refusal(server, allow=("127.0.0.1",)).kind is FailureKind.CONNECT
    page(server, f"<script>location = '{closed().replace('http', 'https')}'</script>first")
    assert refusal(server, allow=("127.0.0.1",)).kind is FailureKind.CONNECT
    page(server, f"<script>location = '{closed()}'</script>first")
    assert refusal(server).kind is FailureKind.REFUSED_ADDRESS


def test_what_a_page_asks_for_in_vain_is_not_why_it_fails(server: HttpServer) -> None:
    async def no_answer(exchange: Exchange) -> None:
        await exchange.raw(b"")

    server.route("/2", no_answer)
    leave = "const on = () => location = '/2';"
    page(server, f"<script>{leave} fetch('{closed()}').then(on, on)</script>")
    for allow in ((), ("127.0.0.1",)):
        assert refusal(server, allow=allow).kind is FailureKind.BROWSER


def test_no_secret_of_an_address_is_told_or_handed_on(server: HttpServer) -> None:
    async def no_answer(exchange: Exchange) -> None:
        await exchange.raw(b"")

    async def login(exchange: Exchange) -> None:
        known = exchange.request.headers.get("authorization")
        headers = {**HTML, "WWW-Authenticate": "Basic realm=x"}
        await exchange.send(Reply(200 if known else 401, b"<a href=/news>news</a>", headers))

    server.route("/silent", no_answer)
    server.route("/", login)
    secret = server.url("/silent?page=PLANTED#PLANTED").replace("//", "//user:PLANTED@")
    assert "PLANTED" not in str(refusal(server, secret))
    answer = draw(server, server.url().replace("//", "//user:PLANTED@"))
    assert (answer.status, answer.url) == (200, server.url())


@pytest.mark.parametrize(
    "leave",
    [
        "'about:blank'",
        "URL.createObjectURL(new Blob(['<p>news'], {type: 'text/html'}))",
    ],
)
def test_a_page_that_a_script_makes_from_nothing_has_the_address_of_its_maker(
    server: HttpServer, leave: str
) -> None:
    page(server, f"<p>news</p><script>location = {leave}</script>")
    assert draw(server).url == server.url()


def test_a_failure_has_the_kind_that_it_has_without_a_browser(server: HttpServer) -> None:
    async def no_answer(exchange: Exchange) -> None:
        await exchange.raw(b"")

    server.route("/silent", no_answer)
    server.route("/circle", Reply(302, headers={"Location": "/circle"}))
    assert refusal(server, server.url("/silent")).kind is FailureKind.PROTOCOL
    assert refusal(server, server.url("/circle")).kind is FailureKind.REDIRECT_LIMIT
    with HttpServer(tls=server_tls(trustme.CA(), "127.0.0.1")) as strange:
        assert refusal(strange).kind is FailureKind.TLS


def test_nothing_is_drawn_for_a_parent_that_is_gone(server: HttpServer, place: Path) -> None:
    page(server, "<p>news</p>")
    request = {
        "parent": 1 if os.getpid() != 1 else 2,
        "url": server.url(),
        "agent": "tester/1",
        "allow": [f"127.0.0.1:{server.port}"],
        "executable": browser.find(),
        "total_s": 20.0,
        "settle_s": 1.0,
        "max_bytes": 100_000,
        "bounds": asdict(Bounds()),
    }
    command = [sys.executable, "-m", "monitor.rendering.draw"]
    line = json.dumps(request).encode() + b"\n"
    done = subprocess.run(command, input=line, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
    assert server.connections == 0


@pytest.mark.parametrize(
    "spite",
    [
        "document.querySelectorAll = () => { throw new Error('\\0\\ud800') }",
        "NodeList.prototype.forEach = () => { throw '\\0' }",
    ],
)
def test_a_page_that_keeps_its_scripts_is_taken_with_them(server: HttpServer, spite: str) -> None:
    page(server, f"<p>news</p><script>{spite}</script>")
    assert b"<p>news</p>" in draw(server).body


def test_a_browser_that_has_no_room_is_a_failure_of_its_page(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    error = refusal(server)
    assert error.kind is FailureKind.BROWSER
    assert "could not be started: No such file" in str(error)
