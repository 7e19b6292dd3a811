"""Webhooks against real sockets: signed, described by their schema, cut, never redirected."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Receiver

import monitor
from monitor.channels.webhook import document
from monitor.errors import SettingsError, TransportError
from monitor.messages import Message, Receipt, RuleCount
from tests.fakes import NOW, make_entry, make_message
from tests.httpserver import Exchange, HttpServer, Reply
from tests.monitor.channels.rigs import SECRET, deliver
from tests.monitor.channels.schema import problems

SCHEMA = Path(monitor.__file__).parent.parent / "docs" / "webhook.schema.json"
OTHER = "whsec_" + base64.b64encode(b"another key of 32 bytes, exactly").decode()


def post(server: HttpServer, *messages: Message, deadline_s: float = 0.0, **table: object) -> Any:
    """What sending came to; the first result where there is one message."""
    settings = {"kind": "webhook", "url": server.url("/hook"), "secrets": [SECRET], **table}
    found = deliver(settings, *(messages or (make_message(),)), deadline_s=deadline_s)
    return found if len(found) > 1 else found[0]


@pytest.mark.parametrize(
    "message",
    [
        make_message(),
        make_message(entries=(make_entry(published_at=None, unsure=True, spans=((0, 2), (4, 6))),)),
        make_message(entries=(make_entry(), make_entry(url=""))),
        make_message(
            "msg_n",
            rule="",
            query="",
            entries=(),
            notice="The channel is off.",
            notice_zh="通道已停用。",
        ),
        make_message(follow_up=True),
        make_message(rule="", digest=True, total=9, counts=(RuleCount("rates", 1, "降息", 9),)),
    ],
    ids=["alert", "spans", "several", "notice", "follow-up", "digest"],
)
def test_the_body_is_what_the_schema_says(message: Message) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    body = json.loads(document(message))
    assert problems(schema, body) == []
    assert problems(schema, {**body, "type": "other"})
    assert problems(schema, {**body, "data": {**body["data"], "more": 1}})


def test_the_body_tells_the_whole_alert() -> None:
    entry = make_entry(spans=((4, 6),), probability=0.93214, rule="rates", story_id=12, portals=3)
    found = json.loads(document(make_message("msg_a", entries=(entry,))))
    assert found == {
        "type": "headline.matched",
        "id": "msg_a",
        "timestamp": "2026-03-01T12:00:00.000Z",
        "data": {
            "channel": "one",
            "rule": {"name": "rates", "query": "降息"},
            "entries": [
                {
                    "id": 7,
                    "title": "央行宣布降息 25 个基点",
                    "url": "https://news.example/7?a=1&b=2",
                    "source": "示例要闻",
                    "section": "finance",
                    "probability": 0.9321,
                    "unsure": False,
                    "published_at": "2026-03-01T12:00:00.000Z",
                    "first_seen_at": "2026-03-01T12:00:00.000Z",
                    "spans": [[4, 6]],
                    "rule": "rates",
                    "story": 12,
                    "portals": 3,
                }
            ],
        },
    }


def test_hostile_15_what_arrives_verifies_with_the_reference_receiver() -> None:
    with HttpServer() as server:
        server.fallback(Reply(200, b"thanks"))
        receipt = post(server, secrets=[SECRET, OTHER])
        request = server.requests[0]
    assert receipt == Receipt("200 OK: thanks")
    for secret in (SECRET, OTHER):
        assert Receiver(secret).verify(request.body, dict(request.headers))["type"]
    assert request.headers["content-type"].startswith("application/json")


def test_the_same_bytes_are_sent_at_every_attempt() -> None:
    with HttpServer() as server:
        server.fallback(Reply(500))
        post(server, make_message(), make_message())
        assert server.requests[0].body == server.requests[1].body


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_an_arrival(status: int) -> None:
    with HttpServer() as server:
        server.fallback(Reply(status))
        assert isinstance(post(server), Receipt)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_hostile_14_redirects_are_failures_and_are_not_followed(status: int) -> None:
    with HttpServer() as server:
        server.route("/hook", Reply(status, headers={"Location": server.url("/elsewhere")}))
        error = post(server)
        assert isinstance(error, TransportError)
        assert not error.permanent
        assert "not followed" in str(error)
        assert [request.path for request in server.requests] == ["/hook"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "utf-8", "aws-chunked"])
def test_a_status_counts_though_its_body_cannot_be_read(encoding: str) -> None:
    with HttpServer() as server:
        server.fallback(Reply(200, b"neither", headers={"Content-Encoding": encoding}))
        assert isinstance(post(server), Receipt)
        server.fallback(Reply(410, b"neither", headers={"Content-Encoding": encoding}))
        gone = post(server)
    assert isinstance(gone, TransportError)
    assert gone.gone


def test_hostile_14_gone_asks_never_to_be_called_again() -> None:
    with HttpServer() as server:
        server.fallback(Reply(410))
        error = post(server)
    assert isinstance(error, TransportError)
    assert (error.permanent, error.gone) == (True, True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504])
def test_everything_else_is_tried_again(status: int) -> None:
    with HttpServer() as server:
        server.fallback(Reply(status, b"why"))
        error = post(server)
    assert isinstance(error, TransportError)
    assert (error.permanent, error.gone) == (False, False)
    assert f"{status}" in str(error)
    assert "why" in str(error)


@pytest.mark.parametrize("status", [429, 503])
def test_hostile_12_retry_after_is_read_in_seconds_and_as_a_date(status: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    for header, low, high in (("30", 30, 30), (date, 80, 91)):
        with HttpServer() as server:
            server.fallback(Reply(status, headers={"Retry-After": header}))
            error = post(server)
        assert isinstance(error, TransportError)
        assert low <= (error.retry_after_s or 0) <= high


def test_hostile_13_an_answer_that_drips_is_cut_in_total() -> None:
    async def drip(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        await exchange.drip(b"x", every_s=0.05)

    with HttpServer() as server:
        server.fallback(drip)
        started = time.monotonic()
        error = post(server, deadline_s=0.6)
        took_s = time.monotonic() - started
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert 0.5 < took_s < 6.0


def test_hostile_13_the_deadline_is_15_s() -> None:
    with HttpServer() as server:
        table = {"kind": "webhook", "url": server.url("/hook"), "secrets": [SECRET]}
        assert deadline(table) == 15.0


def deadline(table: dict[str, object]) -> float:
    from monitor import channels
    from monitor.channels import Means

    found: float = channels.build("one", table, Means(None)).deadline_s  # type: ignore[arg-type]
    return found


def test_hostile_13_an_endless_answer_is_read_to_64_kib() -> None:
    sent = 0

    async def pour(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await exchange.raw(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            sent += 65_536

    with HttpServer() as server:
        server.fallback(pour)
        receipt = post(server, deadline_s=5.0)
    assert isinstance(receipt, Receipt)
    assert len(receipt.detail) < 400
    assert sent < 16 * 1024 * 1024  # what the sockets' buffers hold, not more


def test_a_private_address_is_refused_like_a_fetch() -> None:
    table = {"kind": "webhook", "url": "http://127.0.0.1:9/hook", "secrets": [SECRET]}
    error = deliver({**table, "url": "http://169.254.169.254:80/latest"}, make_message())[0]
    assert isinstance(error, TransportError)
    assert "169.254.169.254" in str(error)


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ({"secrets": []}, "secret"),
        ({"secrets": ["whsec_abc"]}, "24 to 64"),
        ({"secret_file": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"url": "ftp://x.example/"}, "http"),
        ({"url": "http://"}, "http"),
        ({"url": "http://[::1/"}, "http"),
        ({"headers": {"Webhook-Id": "x"}}, "set by the program"),
        ({"headers": {"Host": "x"}}, "set by the program"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "printable"),
        ({"headers": {"X A": "a"}}, "name of a header"),
        ({"headers": {"X-A": 1}}, "printable"),
        ({"content_type": "text/plain"}, "without body_template"),
        ({"content_type": "text", "body_template": __file__}, "content_type"),
        ({"body_template": "/nowhere/body"}, "/nowhere/body"),
    ],
)
def test_settings_that_cannot_be_are_told(setting: dict[str, object], word: str) -> None:
    table = {"kind": "webhook", "url": "http://hook.example:80/", "secrets": [SECRET], "port": 80}
    del table["port"]
    with pytest.raises(SettingsError, match=word):
        deadline({**table, **setting})


def test_secrets_come_from_a_file_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f"{SECRET}\n{OTHER}\n", encoding="utf-8")
    with HttpServer() as server:
        server.fallback(Reply(204))
        assert isinstance(post(server, secrets=[], secret_file=str(file)), Receipt)
        assert len(server.requests[0].headers["webhook-signature"].split()) == 2


def test_own_headers_are_sent() -> None:
    with HttpServer() as server:
        server.fallback(Reply(204))
        post(server, headers={"Authorization": "Bearer abc"})
        assert server.requests[0].headers["authorization"] == "Bearer abc"


def test_times_are_told_in_utc() -> None:
    east = NOW.astimezone(datetime.now().astimezone().tzinfo)
    assert json.loads(document(make_message(created_at=east)))["timestamp"].endswith(
        "12:00:00.000Z"
    )


def test_a_body_of_the_users_own_is_signed_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "body").write_text('{"text": {{ entries[0].title | tojson }}}', encoding="utf-8")
    with HttpServer() as server:
        server.fallback(Reply(204))
        receipt = post(
            server, make_message(title='a "b" 降息'), body_template=str(tmp_path / "body")
        )
        request = server.requests[0]
    assert receipt == Receipt("204 No Content")
    assert Receiver(SECRET).verify(request.body, dict(request.headers)) == {"text": 'a "b" 降息'}


def test_a_body_of_another_type(tmp_path: Path) -> None:
    (tmp_path / "body").write_text("{{ subject }}", encoding="utf-8")
    with HttpServer() as server:
        server.fallback(Reply(204))
        fields = {"body_template": str(tmp_path / "body"), "content_type": "text/plain"}
        assert isinstance(post(server, **fields), Receipt)
        (request,) = server.requests
    assert request.body.decode() == "[rates] 央行宣布降息"
    assert request.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("{{ entries[0].nope }}", "nope"),
        ('{"a": {{ entries[0].title }}}', "no JSON"),
        ("{% for a in range(99999) %}aaaaaaaa{% endfor %}", "64 KiB"),
        ("[" * 5000 + "]" * 5000, "no JSON"),
        ("[{{ 1e400 | tojson }}]", "Infinity is no JSON"),
    ],
)
def test_hostile_32_a_template_that_fails_gives_way_to_the_usual_body(
    tmp_path: Path, source: str, word: str
) -> None:
    (tmp_path / "body").write_text(source, encoding="utf-8")
    with HttpServer() as server:
        server.fallback(Reply(204))
        receipt = post(server, body_template=str(tmp_path / "body"))
        request = server.requests[0]
    assert isinstance(receipt, Receipt)
    assert word in receipt.warning
    assert Receiver(SECRET).verify(request.body, dict(request.headers))["type"]
    assert request.body == document(make_message())
