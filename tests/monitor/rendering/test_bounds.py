"""What a page may cost: each limit by its effect, on pages that would take more."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from yarl import URL

from monitor.errors import FetchError
from monitor.rendering.bounds import Bounds
from monitor.rendering.browser import find
from monitor.types import FailureKind
from tests.httpserver import Exchange, HttpServer, Reply
from tests.monitor.rendering.pages import HTML, QUICK, Family, draw, page, refusal

PUT_ASIDE = "window.kept = []; for (let i = 0; i < 40; i++)"
HOARDS = {
    "arrays": f"{PUT_ASIDE} {{ const each = new Uint8Array(1e8); each.fill(7); kept.push(each) }}",
    "objects": "window.kept = []; for (let i = 0; i < 1e8; i++) kept.push({i})",
    "blobs": f"{PUT_ASIDE} kept.push(new Blob([new Uint8Array(1e8).fill(i)]))",
    "text": "let kept = 'x'; for (;;) { kept += kept.slice(1) + Math.random(); }",
}


@pytest.mark.parametrize("name", HOARDS)
def test_memory_stays_bounded_whatever_a_page_hoards(server: HttpServer, name: str) -> None:
    page(server, f"<p>news</p><script>{HOARDS[name]}</script>")
    with Family() as family:
        try:
            draw(server)  # its scripts may be told that there is no more
        except FetchError as error:
            assert error.kind is FailureKind.BROWSER
    assert family.most_mb < 1.5 * Bounds().memory_mb
    assert family.gone()


def test_memory_is_counted_over_all_processes(server: HttpServer) -> None:
    page(server, f"<p>news</p><script>{HOARDS['blobs']}</script>")  # kept by two processes
    assert "more than 1024 MB of memory" in str(refusal(server))


def working(part: str) -> list[psutil.Process]:
    """The processes below this one with ``part`` on their command line, now."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if part in " ".join(each.cmdline()):
                found.append(each)
    return found


def test_the_kernel_holds_each_process_too(server: HttpServer) -> None:
    limits: list[tuple[int, int]] = []

    async def look(exchange: Exchange) -> None:
        limits.extend(each.rlimit(psutil.RLIMIT_DATA) for each in working("--type="))
        await exchange.send(Reply(body=b"<p>news</p>", headers=HTML))

    server.route("/", look)
    draw(server)
    assert {*limits} == {(Bounds().memory_mb * 2**20,) * 2}


def test_many_sites_in_one_page_are_one_process() -> None:
    sites = tuple(f"127.0.0.{number}" for number in range(2, 14))
    counts: list[int] = []

    async def frame(exchange: Exchange) -> None:
        counts.append(len(working("--type=renderer")))
        await exchange.send(Reply(body=b"<p>frame</p>", headers=HTML))

    with HttpServer(also=sites) as server:
        frames = "".join(f"<iframe src='{server.url('/in', site)}'></iframe>" for site in sites)
        page(server, f"<p>news</p>{frames}")
        server.route("/in", frame)
        draw(server, allow=sites)
    assert len(counts) == len(sites)
    assert 1 <= max(counts) <= 3  # the empty page's before, and one in reserve


def test_processor_time_is_counted_over_all_processes(server: HttpServer) -> None:
    work = "new Worker(URL.createObjectURL(new Blob(['for (;;) {}'])))"
    page(server, f"<p>news</p><script>for (let i = 0; i < 4; i++) {work}; for (;;) {{}}</script>")
    with Family() as family:
        error = refusal(server, bounds=Bounds(processor_s=6))
    assert error.kind is FailureKind.BROWSER
    assert "more than 6 s of processor time" in str(error)
    assert family.gone()


def test_a_script_without_end_costs_its_time(server: HttpServer) -> None:
    page(server, "<p>x</p><script>while (true) {}</script>")
    with Family() as family:
        error = refusal(server, limits=replace(QUICK, total_s=3.0))
    assert error.kind is FailureKind.TIMEOUT
    assert family.gone()


def test_a_page_is_taken_as_it_stands_whatever_it_waits_for(server: HttpServer) -> None:
    async def never(exchange: Exchange) -> None:
        await exchange.drip(b"HTTP/1.1 200 OK\r\n", every_s=0.2, piece=1)

    server.route("/never", never)
    page(server, "<p>news</p><script src=/never></script><p>more")
    assert b"news" in draw(server, limits=replace(QUICK, total_s=16.0)).body


def test_a_document_that_does_not_end_is_taken_as_it_stands(server: HttpServer) -> None:
    async def slow(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        await exchange.drip(b"<p>news</p>" * 20, every_s=0.2, piece=100)

    server.route("/", slow)
    assert b"news" in draw(server, limits=replace(QUICK, total_s=16.0)).body


def test_what_is_written_to_the_disk_is_counted(server: HttpServer) -> None:
    page(
        server,
        "<p>news</p><script>const url = URL.createObjectURL(new Blob([new Uint8Array(5e7)]));"
        "setInterval(() => { const link = document.createElement('a'); link.href = url;"
        "link.download = 'x' + Math.random(); link.click(); fetch('/on') }, 50)</script>",
    )
    error = refusal(server, bounds=Bounds(disk_mb=60))
    assert error.kind is FailureKind.BROWSER
    assert "more than 60 MB to the disk" in str(error)


def test_a_browser_that_hangs_is_killed(server: HttpServer) -> None:
    with Family() as family:

        async def freeze(exchange: Exchange) -> None:
            for each in family.living("chromium"):
                os.kill(each.pid, signal.SIGSTOP)

        server.route("/", freeze)
        error = refusal(server, limits=replace(QUICK, total_s=3.0))
    assert error.kind is FailureKind.TIMEOUT
    assert family.gone()


def test_what_a_browser_leaves_to_itself_is_killed(server: HttpServer, tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\n(setsid sleep 300 &)\nexec sleep 300\n")
    program.chmod(0o755)
    with Family() as family:
        error = refusal(server, limits=replace(QUICK, total_s=4.0), program=str(program))
    assert error.kind is FailureKind.TIMEOUT
    assert list(family.commands.values()).count("sleep 300") == 2
    assert family.gone()


def test_a_document_without_end_is_cut_off(server: HttpServer) -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            await exchange.raw(b"<p>news</p>" * 10_000)

    server.route("/", endless)
    error = refusal(server, bounds=Bounds(loaded_bytes=20_000_000))
    assert error.kind in {FailureKind.TOO_LARGE, FailureKind.BROWSER}
    assert server.hung_up == 1


def test_what_scripts_load_is_counted(server: HttpServer) -> None:
    server.route("/large", Reply(body=bytes(1_000_000)))
    page(
        server,
        "<p>news</p><script>(async () => { for (let i = 0; i < 20; i++)"
        " await fetch('/large?' + i).then(answer => answer.arrayBuffer()) })()</script>",
    )
    assert b"news" in draw(server, bounds=Bounds(loaded_bytes=3_500_000)).body
    assert server.count("/large") == 4


def test_connections_are_counted(server: HttpServer) -> None:
    page(
        server,
        "<p>news</p><script>for (let i = 0; i < 20; i++) fetch('/other?' + i)</script>",
    )
    assert b"news" in draw(server, bounds=Bounds(connections=5)).body
    assert server.connections <= 5


def logging_browser(folder: Path) -> Path:
    """A browser that writes down what it does on the network."""
    program = folder / "chromium"
    program.write_text(f'#!/bin/sh\nexec {find()} --log-net-log={folder}/net.json "$@"\n')
    program.chmod(0o755)
    return program


LOOK_UP, SENT = "HOST_RESOLVER_MANAGER_REQUEST", "HTTP_TRANSACTION_SEND_REQUEST_HEADERS"
RESTLESS = """<link rel=dns-prefetch href=//one.example><link rel=preconnect href=//two.example>
<script type=speculationrules>{"prerender": [{"urls": ["//three.example/"]}]}</script>
<p>news</p><script>fetch('http://four.example').catch(() => 0);
new WebSocket('ws://five.example/');
new WebTransport('https://127.0.0.1:PORT/').ready.catch(() => 0);
new WebTransport('https://six.example/').ready.catch(() => 0);</script>"""


def test_the_browser_looks_nothing_up_and_goes_nowhere_but_through_the_gate(
    server: HttpServer, tmp_path: Path
) -> None:
    server.route(
        "/",
        Reply(
            body=RESTLESS.replace("PORT", str(server.port)).encode(),
            headers={**HTML, "Alt-Svc": f'h3=":{server.port}"'},
        ),
    )
    draw(server, program=str(logging_browser(tmp_path)))
    log = json.loads((tmp_path / "net.json").read_text())
    names = {number: name for name, number in log["constants"]["logEventTypes"].items()}
    events = [(names[each["type"]], each.get("params", {})) for each in log["events"]]
    looked_up = [what["host"] for name, what in events if name == LOOK_UP and "host" in what]
    assert {URL(each).host for each in looked_up} == {"~notfound", "127.0.0.1"}
    assert [what for name, what in events if name == "UDP_BYTES_SENT"] == []
    reached = {what.get("remote_address") for name, what in events if name == "TCP_CONNECT"}
    assert len(reached - {None}) == 1
    sent = [what["line"].split()[1] for name, what in events if name.startswith(SENT)]
    own = {"127.0.0.1", *(f"{each}.example" for each in ("one", "two", "four", "five", "six"))}
    assert {URL(each if "//" in each else f"//{each}").host for each in sent} <= own
