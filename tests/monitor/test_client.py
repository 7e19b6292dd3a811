"""The HTTP client against real sockets: answers, redirects, the guard at connect time."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import trustme
from yarl import URL

from monitor.client import ClientSettings, HttpClient, Limits, Response
from monitor.errors import FetchError
from monitor.types import FailureKind
from tests.httpserver import Exchange, HttpServer, Reply

REFUSED = Path(__file__).parent.parent / "data" / "addresses" / "refused.txt"
Lookup = Callable[[str, int], Awaitable[list[str]]]


def names(table: dict[str, list[str] | list[list[str]]]) -> Lookup:
    """A name server: a name has its addresses, or a list of answers to give one by one."""
    asked: dict[str, int] = {}

    async def lookup(host: str, port: int) -> list[str]:
        answers = table[host]
        if not isinstance(answers[0], list):
            return list(map(str, answers))
        turn = asked.setdefault(host, 0)
        asked[host] += 1
        answer = answers[min(turn, len(answers) - 1)]
        return list(map(str, answer))

    return lookup


def ask(
    *urls: str,
    allow: tuple[str, ...] = (),
    lookup: Lookup | None = None,
    **arguments: object,
) -> Response:
    """The answer to the last of ``urls``, asked one after the other with one client."""

    async def main() -> Response:
        settings = ClientSettings("test", allow_private=allow)
        client = HttpClient(settings, lookup=lookup) if lookup else HttpClient(settings)
        method = str(arguments.pop("method", "GET"))
        async with client:
            for url in urls:
                answer = await client.request(method, url, **arguments)  # type: ignore[arg-type]
        return answer

    return asyncio.run(main())


def refusal(*urls: str, **arguments: object) -> FetchError:
    """The error that asking ``urls`` ends with."""
    with pytest.raises(FetchError) as caught:
        ask(*urls, **arguments)  # type: ignore[arg-type]
    return caught.value


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def here(server: HttpServer) -> tuple[str, ...]:
    return (f"127.0.0.1:{server.port}",)


def test_an_answer_of_any_status_is_a_response(server: HttpServer, here: tuple[str, ...]) -> None:
    server.route("/feed", Reply(404, b"nothing", {"X-Thing": "a"}))
    answer = ask(server.url("/feed?x=1#top"), allow=here)
    assert (answer.status, answer.body, answer.headers["x-thing"]) == (404, b"nothing", "a")
    assert answer.url == server.url("/feed?x=1")
    assert answer.permanent_url is None
    assert server.requests[0].headers["user-agent"] == "test"
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate, br, zstd"


def test_a_post_sends_its_body_and_follows_nothing(
    server: HttpServer, here: tuple[str, ...]
) -> None:
    for status in (301, 302, 307, 308):
        server.route("/hook", Reply(status, headers={"Location": "/elsewhere"}))
        answer = ask(server.url("/hook"), allow=here, method="POST", body=b"{}")
        assert answer.status == status
    assert [request.body for request in server.requests] == [b"{}"] * 4
    assert server.count("/elsewhere") == 0


def test_cookies_are_not_kept_and_proxies_not_asked(
    server: HttpServer, here: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.route("/a", Reply(headers={"Set-Cookie": "seen=1"}))
    ask(server.url("/a"), server.url("/a"), allow=here)
    assert server.count("/a") == 2
    assert "cookie" not in server.requests[1].headers


def test_an_unopened_place_is_never_connected_to(server: HttpServer) -> None:
    error = refusal(server.url("/"))
    assert error.kind is FailureKind.REFUSED_ADDRESS
    assert f'"127.0.0.1:{server.port}"' in str(error)
    assert server.connections == 0


def test_a_closed_port_and_an_unknown_name_have_kinds_of_their_own() -> None:
    async def nobody(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    with HttpServer() as gone:
        pass
    allow = (f"127.0.0.1:{gone.port}",)
    assert refusal(gone.url("/"), allow=allow).kind is FailureKind.CONNECT
    error = refusal("http://portal.example/", lookup=nobody)
    assert error.kind is FailureKind.DNS
    assert "portal.example" in str(error)


@pytest.mark.parametrize("route", [True, False])
def test_no_name_server_is_our_own_trouble_where_no_way_leads_to_it(
    monkeypatch: pytest.MonkeyPatch, route: bool
) -> None:
    async def nobody(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr("monitor.route.has_route", lambda: route)
    error = refusal("http://portal.example/", lookup=nobody)
    assert error.kind is (FailureKind.DNS if route else FailureKind.OFFLINE)


@pytest.mark.parametrize("route", [True, False])
def test_a_network_without_a_way_is_our_own_trouble_where_no_other_has_one(
    monkeypatch: pytest.MonkeyPatch, route: bool
) -> None:
    monkeypatch.setattr("monitor.route.has_route", lambda: route)
    error = refusal("http://255.255.255.255/", allow=("255.255.255.255",))
    assert error.kind is (FailureKind.CONNECT if route else FailureKind.OFFLINE)
    assert ("this machine is offline" in str(error)) is not route


def test_a_name_server_that_never_answers_is_a_timeout() -> None:
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    error = refusal("http://portal.example/", lookup=silent, limits=Limits(connect_s=0.2))
    assert error.kind is FailureKind.TIMEOUT


# redirects


def test_hostile_20_permanence_is_only_what_every_hop_says(
    server: HttpServer, here: tuple[str, ...]
) -> None:
    server.route("/end", Reply(body=b"end"))
    for status in (301, 302, 303, 307, 308):
        server.route(f"/{status}", Reply(status, headers={"Location": "/end"}))
        server.route(f"/via/{status}", Reply(301, headers={"Location": f"/{status}"}))
        for path in (f"/{status}", f"/via/{status}"):
            answer = ask(server.url(path), allow=here)
            assert (answer.body, answer.url) == (b"end", server.url("/end"))
            moved = server.url("/end") if status in {301, 308} else None
            assert answer.permanent_url == moved


def test_hostile_20_a_circle_and_a_long_chain_end(
    server: HttpServer, here: tuple[str, ...]
) -> None:
    server.route("/a", Reply(302, headers={"Location": "/b"}))
    server.route("/b", Reply(302, headers={"Location": "a"}))
    server.route("/self", Reply(301, headers={"Location": ""}))
    assert refusal(server.url("/a"), allow=here).kind is FailureKind.REDIRECT_LOOP
    assert refusal(server.url("/self"), allow=here).kind is FailureKind.REDIRECT_LOOP

    for hop in range(31):
        server.route(f"/hop{hop}", Reply(301, headers={"Location": f"/hop{hop + 1}"}))
    server.route("/hop31", Reply(body=b"end"))
    assert refusal(server.url("/hop0"), allow=here).kind is FailureKind.REDIRECT_LIMIT
    assert server.count("/hop5") == 1
    assert server.count("/hop6") == 0
    assert ask(server.url("/hop26"), allow=here).body == b"end"


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data/",
        "//10.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://private.example/",
        "http://example.com\\@127.0.0.1/",
        "/\\127.0.0.1/",
        "http://[::1",
    ],
)
def test_hostile_19_a_redirect_into_a_private_place_is_refused(
    server: HttpServer, here: tuple[str, ...], location: str
) -> None:
    server.route("/feed", Reply(302, headers={"Location": location}))
    lookup = names({"private.example": ["10.0.0.1"]})
    error = refusal(server.url("/feed"), allow=here, lookup=lookup)
    assert error.kind in {FailureKind.REFUSED_ADDRESS, FailureKind.BAD_URL}
    assert len(server.requests) == 1


def test_hostile_20_credentials_stay_with_their_host(server: HttpServer) -> None:
    port = server.port
    allow = (f"one.example:{port}", f"two.example:{port}")
    lookup = names({"one.example": ["127.0.0.1"], "two.example": ["127.0.0.1"]})
    server.route("/same", Reply(302, headers={"Location": "/other"}))
    server.route("/other", Reply(302, headers={"Location": f"http://two.example:{port}/end"}))
    server.route("/end", Reply())
    ask(f"http://me:pa%40ss@one.example:{port}/same", allow=allow, lookup=lookup)
    seen = [request.headers.get("authorization") for request in server.requests]
    assert seen == ["Basic bWU6cGFAc3M=", "Basic bWU6cGFAc3M=", None]

    server.requests.clear()
    secrets = {"authorization": "Bearer x", "Cookie": "a=b", "X-Plain": "1"}
    ask(server.url("/same", "one.example"), allow=allow, lookup=lookup, headers=secrets)
    assert server.requests[1].headers["cookie"] == "a=b"
    assert {"authorization", "cookie"}.isdisjoint(server.requests[2].headers)
    assert server.requests[2].headers["x-plain"] == "1"


def test_an_address_with_a_password_never_moves(server: HttpServer, here: tuple[str, ...]) -> None:
    server.route("/old", Reply(301, headers={"Location": "/new"}))
    server.route("/new", Reply(body=b"x"))
    url = f"http://me:secret@127.0.0.1:{server.port}/old"
    answer = ask(url, allow=here)
    assert answer.body == b"x"
    assert answer.permanent_url is None
    assert "secret" not in answer.url


# TLS


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that the system trusts for this test."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def tls_server(authority: trustme.CA, name: str) -> HttpServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return HttpServer(tls=context)


def test_hostile_20_https_never_becomes_http(authority: trustme.CA, server: HttpServer) -> None:
    with tls_server(authority, "portal.example") as secure:
        secure.route("/feed", Reply(301, headers={"Location": server.url("/", "portal.example")}))
        allow = (f"portal.example:{secure.port}", f"portal.example:{server.port}")
        lookup = names({"portal.example": ["127.0.0.1"]})
        url = secure.url("/feed", "portal.example")
        error = refusal(url, allow=allow, lookup=lookup)
    assert error.kind is FailureKind.REDIRECT_DOWNGRADE
    assert server.connections == 0


def test_hostile_19_host_and_server_name_are_the_ones_of_the_address(
    authority: trustme.CA,
) -> None:
    with tls_server(authority, "portal.example") as secure:
        secure.route("/feed", Reply(body=b"x"))
        allow = (f"portal.example:{secure.port}", f"other.example:{secure.port}")
        lookup = names({"portal.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
        ask(secure.url("/feed", "portal.example"), allow=allow, lookup=lookup)
        assert secure.requests[0].headers["host"] == f"portal.example:{secure.port}"
        error = refusal(secure.url("/feed", "other.example"), allow=allow, lookup=lookup)
    assert error.kind is FailureKind.TLS
    assert len(secure.requests) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with tls_server(trustme.CA(), "portal.example") as secure:
        allow = (f"portal.example:{secure.port}",)
        lookup = names({"portal.example": ["127.0.0.1"]})
        error = refusal(secure.url("/", "portal.example"), allow=allow, lookup=lookup)
    assert error.kind is FailureKind.TLS


# the guard at connect time


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_hostile_18_refused_when_asked(method: str) -> None:
    async def never(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host} was looked up")

    async def main() -> list[tuple[str, object]]:
        outcomes: list[tuple[str, object]] = []
        async with HttpClient(ClientSettings("test"), lookup=never) as client:
            for url in REFUSED.read_text(encoding="utf-8").split():
                try:
                    outcomes.append((url, await client.request(method, url)))
                except FetchError as error:
                    if error.kind not in {FailureKind.REFUSED_ADDRESS, FailureKind.BAD_URL}:
                        outcomes.append((url, error))
        return outcomes

    assert asyncio.run(main()) == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["fe80::1%2"],
        ["::ffff:192.168.1.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["2606:4700::1111", "127.0.0.1"],
        ["93.184.216.34", "::1"],
        ["not an address"],
    ],
)
def test_hostile_19_every_address_of_a_name_must_be_public(addresses: list[str]) -> None:
    error = refusal("http://portal.example/", lookup=names({"portal.example": addresses}))
    assert error.kind is FailureKind.REFUSED_ADDRESS


def test_hostile_19_a_name_that_changes_its_mind_is_judged_each_time(server: HttpServer) -> None:
    """The first answer is open, the second is not: no socket goes to the second."""
    server.route("/", Reply(body=b"x", headers={"Connection": "close"}))
    allow = (f"127.0.0.1:{server.port}",)
    lookup = names({"portal.example": [["127.0.0.1"], ["127.0.0.2"]]})
    url = server.url("/", "portal.example")

    async def main() -> FetchError:
        async with HttpClient(
            ClientSettings("test", allow_private=allow, dns_cache_s=0), lookup=lookup
        ) as client:
            assert (await client.get(url)).body == b"x"
            with pytest.raises(FetchError) as caught:
                await client.get(url)
            return caught.value

    error = asyncio.run(main())
    assert error.kind is FailureKind.REFUSED_ADDRESS
    assert server.connections == 1
    assert server.requests[0].headers["host"] == f"portal.example:{server.port}"


def test_hostile_18_the_socket_itself_is_guarded(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where an address got past the judgement of its text; aiohttp resolves no literals."""
    monkeypatch.setattr("monitor.client.safe_url", lambda url, allow: URL(url))
    assert refusal(server.url("/")).kind is FailureKind.REFUSED_ADDRESS
    assert server.connections == 0


def test_a_name_is_opened_by_name_only_on_its_port(server: HttpServer) -> None:
    server.route("/", Reply(body=b"x"))
    lookup = names({"portal.lan": ["127.0.0.1"], "evil.example": ["127.0.0.1"]})
    allow = (f"portal.lan:{server.port}",)
    good = server.url("/", "portal.lan")
    assert ask(good, allow=allow, lookup=lookup).body == b"x"
    error = refusal(good, server.url("/", "evil.example"), allow=allow, lookup=lookup)
    assert error.kind is FailureKind.REFUSED_ADDRESS
    assert error.kind is refusal(good, server.url("/"), allow=allow, lookup=lookup).kind


def test_a_connection_that_the_server_dropped_is_replaced(
    server: HttpServer, here: tuple[str, ...]
) -> None:
    async def drop_after(exchange: Exchange) -> None:
        await exchange.send(Reply(body=b"x"))
        exchange.keep_alive = False

    server.route("/", drop_after)
    assert ask(*[server.url("/")] * 5, allow=here).body == b"x"
