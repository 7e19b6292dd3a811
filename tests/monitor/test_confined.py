"""What a confined process cannot do, tried in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.confined import process
from monitor.errors import ConfinementError

START = """
import os, socket, sys
from monitor.addresses import parse_allowed
from monitor.confined.guard import Guard, limit
def names(*found):
    socket.getaddrinfo = lambda host, port, *rest, **more: [
        (socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port))
        for each in found
    ]
"""


def tried(code: str, *, allow: str = "", network: bool = True) -> str:
    """What became of ``code`` under guard: ``done``, or the error."""
    script = f"""{START}
{code.partition("---")[0]}
Guard(parse_allowed({allow.split()!r}), network={network}).install()
try:
{"".join("    " + line.strip() + chr(10) for line in code.partition("---")[2].splitlines() if line)}
    print("done")
except Exception as error:
    print(f"{{type(error).__name__}}: {{error}}")
"""
    ended = subprocess.run(
        [sys.executable, "-B", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        env=process.environment(),
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of a listener on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_hostile_18_a_private_address_is_refused_however_it_is_reached(listening: int) -> None:
    peer = f"('127.0.0.1', {listening})"
    ways = (
        f"socket.create_connection({peer})",
        f"socket.socket().connect({peer})",
        f"socket.socket().connect_ex({peer})",
        f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', {peer})",
        f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, {peer})",
        f"import ssl; ssl._create_stdlib_context().wrap_socket(socket.socket()).connect({peer})",
        f"import asyncio; asyncio.run(asyncio.open_connection(*{peer}))",
        f"import http.client; http.client.HTTPConnection(*{peer}).connect()",
        f"import smtplib; smtplib.SMTP(*{peer})",
        f"import requests; requests.get('http://127.0.0.1:{listening}/')",
    )
    found = {way: tried(f"---\n{way}") for way in ways}
    assert [way for way, what in found.items() if "not on the public internet" not in what] == []
    assert tried(f"---\n{ways[0]}", allow=f"127.0.0.1:{listening}") == "done"


def test_hostile_19_a_name_that_leads_inwards_is_refused_whole(listening: int) -> None:
    connect = f"---\nsocket.create_connection(('hook.example', {listening}))"
    for found in ("'127.0.0.1'", "'93.184.215.14', '10.0.0.1'", "'::ffff:127.0.0.1'", "'fd00::1'"):
        assert "hook.example is not on the public internet" in tried(f"names({found}){connect}")
    assert tried(f"names('127.0.0.1'){connect}", allow=f"hook.example:{listening}") == "done"


def test_hostile_19_a_name_that_changes_its_mind_is_refused_at_connect(listening: int) -> None:
    code = f"""names('93.184.215.14')
---
socket.getaddrinfo('hook.example', {listening})
socket.socket().connect(('127.0.0.1', {listening}))"""
    assert "not on the public internet" in tried(code)


@pytest.mark.parametrize(
    "code",
    [
        "socket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket')",
        "socket.socket().connect(('localhost', 80))",
        "import subprocess; subprocess.run(['true'])",
        "os.system('true')",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.fork()",
        "open('/etc/passwd').read()",
        "open('/etc/../etc/passwd').read()",
        "os.open('/proc/self/environ', os.O_RDONLY)",
        "open('/tmp/confined-test', 'w')",
        "os.remove('/tmp/confined-test')",
        "import pathlib; pathlib.Path('/etc/hostname').read_text()",
    ],
)
def test_neither_programs_nor_files_nor_sockets_of_this_machine(code: str) -> None:
    assert tried(f"---\n{code}").startswith(("PermissionError", "OSError"))


def test_without_network_nothing_is_reached_or_looked_up() -> None:
    code = "---\nsocket.create_connection(('93.184.215.14', 80))"
    assert tried(code, network=False).startswith("PermissionError")
    code = "---\nsocket.getaddrinfo('news.example', 80)"
    assert tried(code, network=False).startswith("PermissionError")


def test_modules_and_certificates_can_still_be_read() -> None:
    code = "---\nimport ssl, email.mime.text, xml.sax, zoneinfo\nssl.create_default_context()"
    assert tried(code) == "done"


def test_the_kernel_ends_what_takes_too_much() -> None:
    code = "limit(cpu_s=60, memory_mb=100)\n---\nx = bytearray(10**9)"
    assert tried(code).startswith("MemoryError")
    code = "limit(cpu_s=60, memory_mb=100)\n---\nos.write(os.open('/dev/null', os.O_WRONLY), b'x')"
    assert tried(code) == "done"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module ``worker_of_the_test`` that the process finds."""
    monkeypatch.setattr(process, "environment", lambda: {"PYTHONPATH": str(tmp_path)})
    return tmp_path / "worker_of_the_test.py"


def run(deadline_s: float = 20.0) -> object:
    return asyncio.run(process.run("worker_of_the_test", {"a": "降息"}, deadline_s))


def test_a_request_is_answered(module: Path) -> None:
    module.write_text("import sys; sys.stdout.write(sys.stdin.read())")
    assert run() == {"a": "降息"}
    assert process.run_now("worker_of_the_test", [1], 20.0) == [1]


def test_what_does_not_end_is_ended(module: Path) -> None:
    module.write_text(
        f"import os, time\nopen({str(module.parent / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(600)"
    )
    started = time.monotonic()
    with pytest.raises(ConfinementError, match="did not end within 3 s"):
        run(deadline_s=3.0)
    assert time.monotonic() - started < 20
    pid = int((module.parent / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(ConfinementError, match="did not end"):
        process.run_now("worker_of_the_test", [1], 1.0)


def test_only_so_many_run_at_one_time(
    module: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "AT_ONCE", 2)
    module.write_text(f"""
import os, time
place = {str(tmp_path / "running")!r}
os.makedirs(place, exist_ok=True)
mine = os.path.join(place, str(os.getpid()))
open(mine, "w").close()
count = len(os.listdir(place))
time.sleep(0.3)
os.remove(mine)
print(count)
""")

    async def main() -> list[object]:
        asked = (process.run("worker_of_the_test", None, 30.0) for _ in range(6))
        return await asyncio.gather(*asked)

    assert max(map(int, map(str, asyncio.run(main())))) == 2


@pytest.mark.parametrize(
    "code", ["raise SystemExit(3)", "print('no json')", "", "import os; os.kill(os.getpid(), 9)"]
)
def test_an_end_without_an_answer_is_told(module: Path, code: str) -> None:
    module.write_text(code)
    with pytest.raises(ConfinementError, match="worker_of_the_test"):
        run()


def test_the_process_is_told_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.1:3128")
    monkeypatch.setenv("HEADLINES_CHANNELS_MAIL_PASSWORD", "secret")
    monkeypatch.setenv("HOME", "/home/somebody")
    told = json.dumps(process.environment())
    for word in ("10.0.0.1", "secret", "somebody"):
        assert word not in told
