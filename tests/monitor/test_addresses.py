"""The address guard, judged by text and by number."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.addresses import (
    BAD_PORTS,
    REFUSED_NETWORKS,
    Allowed,
    check_peer,
    check_url,
    is_opened,
    is_public,
    parse_allowed,
    safe_url,
)
from monitor.errors import FetchError, UsageError
from monitor.types import FailureKind

REFUSALS = {FailureKind.REFUSED_ADDRESS, FailureKind.BAD_URL}


DATA = Path(__file__).parent.parent / "data" / "addresses"
REFUSED_URLS = (DATA / "refused.txt").read_text(encoding="utf-8").split()
PUBLIC_URLS = (DATA / "public.txt").read_text(encoding="utf-8").split()


def test_the_table_of_refused_addresses_is_long_enough() -> None:
    assert len(set(REFUSED_URLS)) >= 80


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_hostile_18_refused_when_saved(url: str) -> None:
    with pytest.raises(FetchError) as caught:
        check_url(url)
    assert caught.value.kind in REFUSALS


@pytest.mark.parametrize(
    "host", ["news.example.com", "news.example.com:8080/rss", "新闻.example/a"]
)
def test_a_host_alone_is_told_what_it_lacks(host: str) -> None:
    with pytest.raises(FetchError, match="https://"):
        check_url(host)


@pytest.mark.parametrize("suffix", ["\n", "\r\nHost: x", "\t", "\x00", "\x7f"])
def test_hostile_18_control_characters_are_refused(suffix: str) -> None:
    with pytest.raises(FetchError) as caught:
        check_url(f"http://example.com/{suffix}")
    assert caught.value.kind is FailureKind.BAD_URL


@pytest.mark.parametrize("url", PUBLIC_URLS)
def test_public_addresses_pass(url: str) -> None:
    check_url(url)


def test_what_is_opened_is_exactly_what_was_named() -> None:
    allow = parse_allowed(["127.0.0.1:8000", "10.1.2.3", "[::1]:8001", "Portal.LAN:25"])
    for url in (
        "http://127.0.0.1:8000/",
        "http://10.1.2.3/",
        "https://10.1.2.3/x",
        "http://10.1.2.3:9000/",
        "http://[::1]:8001/",
        "http://portal.lan:25/",
    ):
        check_url(url, allow)
    for url in (
        "http://127.0.0.1/",
        "http://127.0.0.1:8001/",
        "http://127.0.0.2:8000/",
        "http://10.1.2.4/",
        "http://10.1.2.3:22/",
        "http://[::1]/",
        "http://localhost:8000/",
        "http://[::ffff:127.0.0.1]:8000/",
        "http://0x7f000001:8000/",
    ):
        with pytest.raises(FetchError):
            check_url(url, allow)


@pytest.mark.parametrize("entry", ["", "a b", "10.0.0.0/8", "http://x/", "x:99999", "x:", ":80"])
def test_an_unreadable_entry_of_allow_private_is_named(entry: str) -> None:
    with pytest.raises(UsageError, match="allow_private"):
        parse_allowed([entry])


def test_a_name_opens_what_it_resolves_to_and_nothing_else() -> None:
    allow = parse_allowed(["portal.lan:8000"])
    check_peer("10.0.0.7", "portal.lan", 8000, allow)
    for host, port in (("portal.lan", 8001), ("other.lan", 8000), ("10.0.0.7", 8000)):
        with pytest.raises(FetchError):
            check_peer("10.0.0.7", host, port, allow)


@pytest.mark.parametrize("port", sorted(BAD_PORTS))
def test_ports_of_other_services_are_refused(port: int) -> None:
    with pytest.raises(FetchError) as caught:
        check_url(f"http://example.com:{port}/")
    assert caught.value.kind is FailureKind.REFUSED_ADDRESS


def test_a_refusal_says_how_to_open_the_place() -> None:
    with pytest.raises(FetchError, match=r'add "\[fd00::7\]:8000" to allow_private'):
        check_url("http://[fd00::7]:8000/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://me:secret@example.com/?token=secret",
        "http://me:secret@exam\\ple.com/",
        "http://me:secret@x:99999/?token=secret",
        "http://127.0.0.1:secret@example.com/",
        "http://a:secret@b:secret@example.com/",
    ],
)
def test_a_refusal_does_not_tell_a_password(url: str) -> None:
    with pytest.raises(FetchError) as caught:
        check_url(url)
    assert "secret" not in str(caught.value)


def test_an_address_of_absurd_length_is_refused() -> None:
    with pytest.raises(FetchError, match="longer"):
        check_url("http://example.com/" + "a" * 10_000)


private_v4 = st.sampled_from([net for net in REFUSED_NETWORKS if net.version == 4]).flatmap(
    lambda net: st.integers(int(net.network_address), int(net.broadcast_address)).map(
        ipaddress.IPv4Address
    )
)


@given(private_v4)
def test_hostile_18_a_private_address_is_seen_through_every_disguise(
    address: ipaddress.IPv4Address,
) -> None:
    number = int(address)
    disguises = [
        address,
        ipaddress.IPv6Address(0xFFFF << 32 | number),  # v4-mapped
        ipaddress.IPv6Address(number),  # v4-compatible
        ipaddress.IPv6Address(0x64FF9B << 96 | number),  # NAT64
        ipaddress.IPv6Address(0x2002 << 112 | number << 80 | 1),  # 6to4
        ipaddress.IPv6Address(0x20010000 << 96 | number << 64),  # Teredo, server
        ipaddress.IPv6Address(0x20010000 << 96 | (number ^ 0xFFFFFFFF)),  # Teredo, client
        ipaddress.IPv6Address(0x26064700 << 96 | 0x5EFE << 32 | number),  # ISATAP
        ipaddress.IPv6Address(0x26064700 << 96 | 0x02005EFE << 32 | number),  # ISATAP, global
    ]
    assert not [disguise for disguise in disguises if is_public(disguise)]


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://", "http://a@", "//"]))
def test_any_text_is_either_refused_or_a_web_address(text: str, prefix: str) -> None:
    try:
        url = safe_url(prefix + text)
    except FetchError as error:
        assert error.kind in REFUSALS
        return
    assert url.scheme in {"http", "https"}
    assert url.raw_host
    assert url.port not in BAD_PORTS


@given(st.ip_addresses())
def test_a_literal_address_is_judged_like_the_socket_judges_it(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    try:
        check_url(f"http://{host}/")
        by_text = True
    except FetchError:
        by_text = False
    try:
        check_peer(str(address), str(address), 80, Allowed())
        by_number = True
    except FetchError:
        by_number = False
    assert by_text == by_number == is_public(address)


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("http://127.0.0.1:8000/feed", True),
        ("https://portal.lan/feed", True),
        ("http://127.0.0.1:8001/feed", False),
        ("https://news.example.com/feed", False),
        ("http://10.0.0.1/feed", False),
        ("no address", False),
    ],
)
def test_what_was_opened_is_told_from_the_rest(url: str, opened: bool) -> None:
    assert is_opened(url, parse_allowed(["127.0.0.1:8000", "portal.lan"])) is opened
