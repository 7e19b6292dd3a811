"""``headlines demo``: green when everything arrived, red and clear when something did not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.demo.portal import load_bulletin, write_atom, write_json, write_rss
from monitor.demo.receivers import Sink
from monitor.service import utc_now
from monitor.sources import feed

DEMO = [sys.executable, "-m", "monitor", "demo", "--offline"]
ROOT = Path(__file__).parents[2]


def test_the_demo_shows_the_whole_loop(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--seconds", "30", "--data", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for told in ("← chips", "✉ mail: [chips]", "⚑ webhook, signature right", "poll: 4 feeds"):
        assert told in done.stdout


def test_the_demo_says_what_did_not_arrive() -> None:
    done = subprocess.run(
        [*DEMO, "--seconds", "0.2"],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 1
    assert "did not arrive: its mail" in done.stdout
    assert "did not arrive: its webhook" in done.stdout


def test_ctrl_c_drains_and_says_what_it_did() -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if "poll:" in line:
                    process.send_signal(signal.SIGINT)
                    break
            rest = process.stdout.read()
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert "feeds polled" in rest


@pytest.mark.parametrize("number", range(4))
def test_every_format_of_the_portal_is_read_back(number: int) -> None:
    shown = load_bulletin(utc_now()).feeds[number]
    writers = {
        "rss": write_rss,
        "rss-gbk": lambda one, base: write_rss(one, base, "gbk"),
        "atom": write_atom,
        "json": write_json,
    }
    kind, body = writers[shown.format](shown, "http://portal.example")
    parsed = feed.parse(body, url="http://portal.example/x", content_type=kind)
    assert [entry.title for entry in parsed.entries] == [title for title, _ in shown.shown]
    assert parsed.problems == ()


def test_the_sink_refuses_a_wrong_signature() -> None:
    seen: list[str] = []
    sink = Sink("whsec_" + "QUJD" * 8, lambda number, _: seen.append(number))
    headers = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    assert sink.take(headers, b"{}") == 401
    assert (sink.refused, seen) == (1, [])
