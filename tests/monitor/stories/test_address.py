"""Addresses that mean the same compare equal; fetching uses them as given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.identity import digest, mix
from monitor.stories import address, canonical_url, strip_trackers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a.cn/x", "https://www.A.cn/x/"),
        ("http://a.cn:80/x", "http://a.cn/x#top"),
        ("http://a.cn/x?utm_source=w&id=3", "http://a.cn/x?id=3&fbclid=9"),
        ("http://a.cn/x?b=2&a=1", "http://a.cn/x?a=1&b=2"),
        ("http://a.cn/", "http://a.cn"),
        ("http://a.cn/s?wd=%B5%D8%D5%F0&b=1", "http://a.cn/s?b=1&wd=%b5%d8%d5%f0"),
        ("http://a.cn/s?wd=地震", "http://a.cn/s?wd=%E5%9C%B0%E9%9C%87"),
        ("http://a.cn/#/x/1?utm_source=w", "https://a.cn/#/x/1?utm_source=w"),
    ],
)
def test_spellings_of_one_address(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a.cn/x", "http://a.cn/X"),
        ("http://a.cn/x?id=1", "http://a.cn/x?id=2"),
        ("http://a.cn:8080/x", "http://a.cn/x"),
        ("http://a.cn/x", "http://b.cn/x"),
        ("http://a.cn/s?wd=%B5%D8%D5%F0", "http://a.cn/s?wd=%BB%F0%D4%D6"),
        ("http://a.cn/#/news/1", "http://a.cn/#/news/2"),
        ("http://a.cn/app#!/n/1", "http://a.cn/app#!/n/2"),
    ],
)
def test_addresses_that_differ(one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)


def test_trackers_go_and_the_rest_stays_letter_for_letter() -> None:
    assert strip_trackers("http://a/x?ID=%41&utm_medium=m&b#f") == "http://a/x?ID=%41&b#f"
    assert strip_trackers("http://a/x?utm_medium=m") == "http://a/x"
    assert strip_trackers("http://a/x?b=2&a=1") == "http://a/x?b=2&a=1"


hosts = st.from_regex(r"(www\.)?[A-Za-z0-9-]{1,5}\.[a-z]{2,3}(:(80|443|8080))?", fullmatch=True)
paths = st.from_regex(r"(/[A-Za-z0-9._~-]{0,4}){0,4}/?", fullmatch=True)


@given(st.sampled_from(["http", "https"]), hosts, paths)
def test_the_short_way_agrees_with_the_long_one(scheme: str, host: str, path: str) -> None:
    url = f"{scheme}://{host}{path}"
    assert canonical_url(url) == address._canonical_any(url)


@given(st.text() | st.text(st.characters(codec=None)).map("http://a.cn/?b=".__add__))
def test_any_text_has_a_canonical_form(url: str) -> None:
    assert isinstance(canonical_url(url), str)
    strip_trackers(url)


def test_keys_spread_over_63_bits() -> None:
    keys = [mix(number, kind, digest("t")) for number in range(2000) for kind in range(1, 6)]
    assert len(set(keys)) == len(keys)
    assert all(0 <= key < 2**63 for key in keys)
    ones = sum(key.bit_count() for key in keys) / len(keys)
    assert 30.5 < ones < 32.5
