"""What answers mean, without a network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from monitor.answers import (
    MAX_RETRY_AFTER_S,
    charset_of,
    hub_of,
    max_age_s,
    outcome_of,
    request_headers,
    retry_after_s,
)
from monitor.client import Response
from monitor.types import (
    Failed,
    FailureKind,
    Fetched,
    FetchRequest,
    HubLink,
    NotModified,
    Outcome,
)

NOW = datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC)
ASKED = FetchRequest(7, "http://portal.example/feed", '"old"', "Mon, 01 Jan 2024 00:00:00 GMT")


def outcome(status: int, request: FetchRequest = ASKED, **headers: str) -> Outcome:
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    response = Response(status, request.url, named, b"body", elapsed_s=0.5)
    return outcome_of(request, response, NOW)


def failed(status: int, request: FetchRequest = ASKED, **headers: str) -> Failed:
    result = outcome(status, request, **headers)
    assert isinstance(result, Failed)
    assert result.source_id == 7
    assert result.status == status
    return result


def test_both_validators_are_sent() -> None:
    headers = request_headers(ASKED)
    assert headers["If-None-Match"] == '"old"'
    assert headers["If-Modified-Since"] == "Mon, 01 Jan 2024 00:00:00 GMT"
    assert "If-None-Match" not in request_headers(FetchRequest(1, "http://x/"))


def test_an_answer_with_a_body_keeps_what_the_next_request_needs() -> None:
    result = outcome(
        200,
        etag='W/"new"',
        last_modified="Tue, 02 Jan 2024 00:00:00 GMT",
        content_type="text/xml; Charset='GB2312'",
        cache_control="public, max-age=600",
        age="100",
    )
    assert result == Fetched(
        source_id=7,
        url=ASKED.url,
        body=b"body",
        content_type="text/xml; Charset='GB2312'",
        charset="gb2312",
        etag='W/"new"',
        last_modified="Tue, 02 Jan 2024 00:00:00 GMT",
        max_age_s=500.0,
        elapsed_s=0.5,
    )


def test_not_modified_carries_the_validators_that_it_repeats() -> None:
    result = outcome(304, etag='"new"', cache_control="max-age=60")
    assert result == NotModified(7, etag='"new"', max_age_s=60.0, elapsed_s=0.5)


def test_not_modified_to_a_first_request_is_a_failure() -> None:
    assert failed(304, FetchRequest(7, "http://x/")).kind is FailureKind.HTTP_STATUS


@pytest.mark.parametrize("value", ['"ö"', "a\x7f", "a\tb", "x" * 5_000, "", "\udcff"])
def test_a_validator_that_cannot_be_sent_back_is_not_kept(value: str) -> None:
    result = outcome(200, etag=value, last_modified=value)
    assert isinstance(result, Fetched)
    assert (result.etag, result.last_modified) == (None, None)


def test_hostile_21_gone_and_rate_limits_have_kinds_of_their_own() -> None:
    assert failed(410).kind is FailureKind.GONE
    asked_to_wait = failed(429, retry_after="3600")
    assert asked_to_wait.kind is FailureKind.RATE_LIMITED
    assert asked_to_wait.retry_after_s == 3600
    assert "3600 s" in asked_to_wait.message
    assert failed(429).retry_after_s is None
    assert failed(429).kind is FailureKind.RATE_LIMITED
    assert failed(503, retry_after="5").kind is FailureKind.RATE_LIMITED
    assert failed(503).kind is FailureKind.HTTP_STATUS
    assert failed(500, retry_after="5").retry_after_s is None


@pytest.mark.parametrize("status", [100, 206, 300, 302, 400, 401, 403, 404, 418, 451, 500, 599])
def test_every_other_status_is_a_failure_that_advises(status: int) -> None:
    result = failed(status)
    assert result.kind is FailureKind.HTTP_STATUS
    assert str(status) in result.message
    assert ": " in result.message
    assert result.host == "portal.example"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("86401", MAX_RETRY_AFTER_S),
        ("9" * 400, MAX_RETRY_AFTER_S),
        ("Sun, 29 Mar 2026 01:00:00 GMT", 10.0),
        ("Sunday, 29-Mar-26 01:00:00 GMT", 10.0),
        ("Sun Mar 29 01:00:00 2026", 10.0),
        ("Sun, 29 Mar 2026 03:00:00 +0200", 10.0),
        ("Sun, 29 Mar 2020 01:00:00 GMT", 0.0),
        ("Sun, 29 Mar 2099 01:00:00 GMT", MAX_RETRY_AFTER_S),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(value: str | None, expected: float | None) -> None:
    assert retry_after_s(value, NOW) == expected


@given(st.text(max_size=40) | st.text(alphabet="0123456789:- ,GMTSunMar+", max_size=40))
def test_any_retry_after_is_a_bounded_wait_or_nothing(value: str) -> None:
    wait_s = retry_after_s(value, NOW)
    assert wait_s is None or 0 <= wait_s <= MAX_RETRY_AFTER_S


@given(st.integers(0, 86_400))
def test_a_date_means_the_seconds_until_then(seconds: int) -> None:
    assert retry_after_s(format_datetime(NOW + timedelta(seconds=seconds)), NOW) == seconds


@pytest.mark.parametrize(
    ("control", "age", "expected"),
    [
        ("max-age=60", "", 60.0),
        ("private,Max-Age = 60", "", 60.0),
        ('max-age="60"', "", 60.0),
        ("max-age=60", "90", 0.0),
        ("s-maxage=60", "", None),
        ("max-age=60, no-cache", "", None),
        ("no-store", "", None),
        ("max-age=-1", "", None),
        ("", "", None),
    ],
)
def test_max_age_is_what_is_left_of_it(control: str, age: str, expected: float | None) -> None:
    assert max_age_s(CIMultiDict({"Cache-Control": control, "Age": age})) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/xml; charset=UTF-8", "utf-8"),
        ('text/xml;charset="gbk";x=1', "gbk"),
        ("text/xml", None),
        ("text/xml; charset=", None),
        ("charset=utf-8", None),
    ],
)
def test_the_charset_is_a_parameter_of_the_type(content_type: str, expected: str | None) -> None:
    assert charset_of(content_type) == expected


@pytest.mark.parametrize(
    ("links", "found"),
    [
        (['<https://hub.example/>; rel="hub", </feed>; rel=self'], True),
        (['<https://hub.example/>; rel="hub"', '<http://portal.example/feed>; rel="self"'], True),
        (['<https://hub.example/>; rel="other hub"', '</feed>; title="a, b"; REL="self"'], True),
        (['<https://hub.example/>; rel="hub"'], False),
        (['<https://hub.example/>; rel="hubs", </feed>; rel="self"'], False),
        (["<https://hub.example/>; rel=", "</feed", "", ">;;;<"], False),
        (["<http://[>; rel=hub, </feed>; rel=self"], False),
        ([], False),
    ],
)
def test_link_headers_name_a_hub(links: list[str], found: bool) -> None:
    headers = CIMultiDict([("Link", each) for each in links])
    link = hub_of(headers, "http://portal.example/a")
    wanted = HubLink("https://hub.example/", "http://portal.example/feed")
    assert link == (wanted if found else None)
