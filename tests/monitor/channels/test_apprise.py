"""Services through Apprise, against local servers that stand for them."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.channels import Means, apprise, build_all
from monitor.client import ClientSettings, HttpClient
from monitor.confined import process
from monitor.errors import SettingsError, TransportError
from monitor.messages import Message, Receipt
from tests.fakes import make_entry, make_message
from tests.httpserver import Exchange, HttpServer, Reply
from tests.mailserver import MailServer
from tests.monitor.channels.rigs import deliver

ADDRESSES = Path(__file__).parents[2] / "data" / "addresses"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        server.fallback(Reply(200, b'{"id": "1"}'))
        yield server


def table(server: HttpServer, url: str, **fields: object) -> dict[str, object]:
    """``HOST`` in ``url`` is the server."""
    return {"kind": "apprise", "url": url.replace("HOST", f"127.0.0.1:{server.port}"), **fields}


def post(server: HttpServer, url: str, *messages: Message, **fields: Any) -> Any:
    deadline_s = fields.pop("deadline_s", 0.0)
    found = deliver(
        table(server, url, **fields), *(messages or (make_message(),)), deadline_s=deadline_s
    )
    return found if len(found) > 1 else found[0]


def problem(url: str, *allow: str, **fields: object) -> str:
    """What is said of settings when they are loaded; empty when they are taken."""
    client = HttpClient(ClientSettings("tester", allow_private=allow))
    try:
        build_all({"one": {"kind": "apprise", "url": url, **fields}}, Means(client))
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("url", "path", "title", "body"),
    [
        ("ntfy://HOST/alerts", "/", "title", "message"),
        ("gotify://HOST/AbCdEfGh12345", "/message", "title", "message"),
        ("bark://HOST/devicekey1234", "/push", "title", "body"),
        ("json://HOST/hook", "/hook", "title", "message"),
        ("mmost://HOST/abcdefgh12345678901234567890", "/hooks/", None, "text"),
    ],
)
def test_services_hear_the_alert(
    server: HttpServer, url: str, path: str, title: str | None, body: str | None
) -> None:
    receipt = post(server, url, make_message("msg_a", "央行宣布降息"))
    assert isinstance(receipt, Receipt), receipt
    request = server.requests[-1]
    assert request.path.startswith(path)
    assert request.headers["webhook-id"] == "msg_a"
    if title:
        assert json.loads(request.body)[title] == "rates"
    if body:
        told = json.loads(request.body)[body]
        assert "央行宣布降息\n示例要闻 · Finance 93% · 2026-03-01 12:00 UTC\nhttps://" in told


def test_what_does_not_fit_is_counted(server: HttpServer) -> None:
    entries = tuple(make_entry(f"第{at}条" + "新闻" * 60, id=at) for at in range(100))
    message = make_message(entries=entries, digest=True, total=150)
    assert isinstance(post(server, "ntfy://HOST/alerts", message), Receipt)
    (request,) = server.requests
    told = json.loads(request.body)["message"]
    listed = told.count("新闻" * 60)
    assert 5 < listed < 100
    assert f"… and {150 - listed} more that are not listed here" in told
    assert json.loads(request.body)["title"] == "rates · 150 headlines"


def test_a_headline_calls_nobody(server: HttpServer) -> None:
    title = '@everyone @here <!channel> <at user_id="all">x</at> a@b.example 1 < 2'
    post(server, "json://HOST/", make_message(title=title))
    told = json.loads(server.requests[0].body)["message"].split("\n")[0]
    assert told.replace("\u200b", "") == title
    assert not re.search(r"@everyone|@here|<!channel|<at |</at", told)
    assert "a@b.example 1 < 2" in told


def test_hostile_12_what_a_service_asks_for_is_heard(server: HttpServer) -> None:
    server.fallback(Reply(429, b"slow down", headers={"Retry-After": "30"}))
    error = post(server, "ntfy://HOST/alerts")
    assert isinstance(error, TransportError)
    assert (error.permanent, error.gone, error.retry_after_s) == (False, False, 30.0)
    assert "429 slow down" in str(error)


def test_hostile_14_redirects_are_not_followed_and_410_is_the_end(server: HttpServer) -> None:
    server.route("/hook", Reply(307, headers={"Location": server.url("/elsewhere")}))
    error = post(server, "json://HOST/hook")
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert server.count("/elsewhere") == 0
    server.route("/hook", Reply(410))
    assert post(server, "json://HOST/hook").gone


def test_hostile_18_a_redirect_that_the_user_wants_cannot_lead_inwards(server: HttpServer) -> None:
    with HttpServer() as inside:
        inside.fallback(Reply(200))
        server.fallback(Reply(307, headers={"Location": inside.url("/")}))
        error = post(server, "json://HOST/hook?redirect=yes")
        assert isinstance(error, TransportError)
        assert inside.requests == []
        assert inside.connections == 0


def test_hostile_13_an_answer_without_end_is_cut(server: HttpServer) -> None:
    async def pour(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await exchange.raw(b"10000\r\n" + b"x" * 65_536 + b"\r\n")

    server.fallback(pour)
    error = post(server, "json://HOST/hook")
    assert isinstance(error, TransportError)
    assert "too long" in str(error)


def test_hostile_13_a_service_that_drips_is_cut_at_the_deadline(server: HttpServer) -> None:
    async def drip(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        await exchange.drip(b"x", every_s=0.05)

    server.fallback(drip)
    post(server, "json://HOST/hook", deadline_s=0.1)  # what is asked once has been asked
    started = time.monotonic()
    error = post(server, "json://HOST/hook", deadline_s=4.0)
    assert isinstance(error, TransportError)
    assert "did not end within 4 s" in str(error)
    assert time.monotonic() - started < 8.0


def test_a_private_mail_server_is_reached_when_it_is_named() -> None:
    with MailServer(login=("me", "password-of-mine")) as server:
        url = (
            f"mailto://me:password-of-mine@127.0.0.1:{server.port}?from=a@x.example&to=b@y.example"
        )
        assert "allow_private" in problem(url)
        (receipt,) = deliver({"kind": "apprise", "url": url}, make_message())
        assert isinstance(receipt, Receipt), receipt
        assert "央行宣布降息" in server.mails[0].text()


def test_hostile_18_every_service_that_names_its_host_is_judged_when_it_is_saved() -> None:
    import apprise as library

    names = sorted(
        scheme
        for scheme in library.manager_plugins.NotificationManager().schemas()
        if "host" in library.manager_plugins.NotificationManager()[scheme].template_tokens
        and scheme not in apprise.REFUSED_SCHEMES
    )
    assert len(names) > 50
    shapes = ("{}://127.0.0.1/abcdefgh1234", "{}://user:pass@127.0.0.1/abcdefgh1234/+15555550123")
    urls = [shape.format(name) for name in names for shape in shapes]
    found = apprise.faults(tuple(urls), ())
    # Of this one the first part is a token, whatever it looks like.
    assert [url for url in urls if not found[url]] == ["betterstack://127.0.0.1/abcdefgh1234"]
    refused = {url.partition("://")[0] for url in urls if "public internet" in found[url]}
    assert {"json", "xml", "form", "ntfy", "gotify", "bark", "apprise", "matrix"} <= refused


def test_hostile_18_the_table_of_private_addresses() -> None:
    lines = (ADDRESSES / "refused.txt").read_text(encoding="utf-8").split()
    hosts = dict.fromkeys(
        match[1]
        for line in lines
        if (match := re.fullmatch(r"http://((?:[0-9]+\.){3}[0-9]+|\[[0-9a-f:.]+\])/.*", line))
    )
    assert len(hosts) > 40
    urls = tuple(f"json://{host}/hook" for host in hosts)
    found = apprise.faults(urls, ())
    assert [url for url in urls if not found[url]] == []


BAD = [
    ("", "'url' must be set"),
    ("notaurl", "an Apprise address such as"),
    ("json://x.example/a b", "an Apprise address such as"),
    ("nonsense://x", "no service called nonsense://"),
    ("tgram://12/34", "no address of Telegram, which looks like: tgram://{bot_token}"),
    ("slack://SECRETTOKEN", "no address of Slack"),
    ("dbus://", "desktop"),
    ("gnome://", "desktop"),
    ("macosx://", "desktop"),
    ("windows://", "desktop"),
    ("syslog://", "log"),
    ("SYSLOG://", "log"),
    ("file:///etc/passwd", "files are not sent"),
    ("json://x.example/?template=/etc/passwd", "?template= would read a file"),
    ("json://x.example/?attach=file:///etc/passwd", "?attach= would read a file"),
    ("json://x.example/?a=1;template=/etc/passwd", "?template= would read a file"),
    ("json://x.example/?%20KeyFile=/etc/passwd", "?keyfile= would read a file"),
    ("json://localhost:8000/", 'add "localhost:8000" to allow_private'),
    ("json://10.0.0.1/", 'add "10.0.0.1:80" to allow_private'),
]


@pytest.fixture(scope="module")
def asked() -> None:
    """Apprise has been asked about all bad addresses at once."""
    apprise.faults(tuple(url for url, _ in BAD if url), ())


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(("url", "word"), BAD)
def test_a_bad_address_is_an_error_when_it_is_saved(url: str, word: str) -> None:
    found = problem(url)
    assert word in found
    assert "channels.one" in found
    assert "SECRETTOKEN" not in found


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"format": "rtf"}, "text, markdown, html"),
        ({"format": "html"}, "without body_template"),
        ({"url_file": "/nowhere/url"}, "/nowhere/url"),
        ({"language": "fr"}, "en or zh"),
        ({"title_template": "/nowhere/t"}, "/nowhere/t"),
    ],
)
def test_settings_that_cannot_be_are_told(fields: dict[str, object], word: str) -> None:
    assert word in problem("json://x.example/", **fields)


def test_many_addresses_are_checked_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    run = process.run_now

    def counted(module: str, request: Any, deadline_s: float) -> Any:
        asked.append(request["check"])
        return run(module, request, deadline_s)

    monkeypatch.setattr(process, "run_now", counted)
    tables = {
        f"c{at}": {"kind": "apprise", "url": f"json://h{at}.example/{time.time()}"}
        for at in range(4)
    }
    tables["bad"] = {"kind": "apprise", "url": f"nonsense://{time.time()}"}
    tables["worse"] = {"kind": "email", "host": "x"}
    with pytest.raises(SettingsError) as caught:
        build_all(tables, Means(HttpClient(ClientSettings("tester"))))
    assert "channels.bad" in str(caught.value)
    assert "channels.worse" in str(caught.value)
    assert [len(each) for each in asked] == [5]


def test_no_piece_of_an_address_is_shown(server: HttpServer) -> None:
    heard: list[str] = []
    url = f"gotify://127.0.0.1:{server.port}/path-to-it/TokenOfMine1/?priority=high"
    server.fallback(Reply(500, b"bad token TokenOfMine1 at /path-to-it/"))

    async def main() -> str:
        allow = (f"127.0.0.1:{server.port}",)
        async with HttpClient(ClientSettings("tester", allow_private=allow)) as client:
            means = Means(client, trace=lambda who, text: heard.append(f"{who} {text}"))
            channel = build_all({"one": {"kind": "apprise", "url": url}}, means)["one"]
            try:
                await channel.send(make_message())
            except TransportError as error:
                return f"{error} {error!r} {channel!r}"
        return ""

    shown = asyncio.run(main())
    assert "500 bad token [hidden] at /[hidden]/" in shown
    assert heard[0] == f"note connected to 127.0.0.1, port {server.port}"
    assert [line.split()[0] for line in heard][1:3] == ["us", "them"]
    for word in ("TokenOfMine1", "path-to-it"):
        assert word not in shown
        assert word not in " ".join(heard)


def test_the_address_comes_from_a_file(server: HttpServer, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"json://127.0.0.1:{server.port}/hook\n", encoding="utf-8")
    fields = {"url_file": str(tmp_path / "url")}
    assert isinstance(post(server, "json://HOST/unused", **fields), Receipt)
    assert server.count("/hook") == 1


def test_own_templates_make_title_and_body(server: HttpServer, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("{{ rule }}\n!", encoding="utf-8")
    (tmp_path / "b").write_text("**{{ entries[0].title }}**", encoding="utf-8")
    fields = {"title_template": str(tmp_path / "t"), "body_template": str(tmp_path / "b")}
    receipt = post(server, "json://HOST/?format=html", **fields, format="markdown")
    assert isinstance(receipt, Receipt), receipt
    document = json.loads(server.requests[0].body)
    assert document["title"] == "rates !"
    assert "<strong>央行宣布降息</strong>" in document["message"]


def test_a_body_in_html_escapes_what_is_put_in(server: HttpServer, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("<b>{{ entries[0].title }}</b>", encoding="utf-8")
    fields = {"body_template": str(tmp_path / "b"), "format": "html"}
    post(server, "json://HOST/?format=html", make_message(title="1 < 2 & <i>x</i>"), **fields)
    told = json.loads(server.requests[0].body)["message"].replace("\u200b", "")
    assert told == "<b>1 &lt; 2 &amp; &lt;i&gt;x&lt;/i&gt;</b>"


def test_arguments_of_an_address_are_not_shown() -> None:
    found = {
        "service": "X", "taken": False, "refused": [], "said": [],
        "exchanges": [{"url": "https://x.example/a?sign=abc", "error": "url: /a?sign=abc (Caused"}],
    }  # fmt: skip
    assert apprise.detail(found) == "x.example could not be reached: url: /a?… (Caused"


def test_hostile_32_a_template_that_fails_gives_way_to_the_usual_text(
    server: HttpServer, tmp_path: Path
) -> None:
    (tmp_path / "b").write_text("{{ entries[9].title }}", encoding="utf-8")
    receipt = post(server, "json://HOST/", body_template=str(tmp_path / "b"))
    assert isinstance(receipt, Receipt)
    assert "no element 9" in receipt.warning
    assert "央行宣布降息" in json.loads(server.requests[0].body)["message"]


def test_a_daemon_with_such_a_channel_does_not_load_the_library() -> None:
    code = (
        "import sys; from monitor import service, channels; "
        "print([name for name in ('apprise', 'requests') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
