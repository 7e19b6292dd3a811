"""Signatures: the specification's vector, the reference receiver, keys that are none."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from monitor.channels import signing
from monitor.channels.webhook import document
from tests.fakes import make_message
from tests.monitor.channels.receivers import Library, libraries

# From the documentation of the reference implementations.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
ID, TIMESTAMP = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_" + base64.b64encode(b"another key of 32 bytes, exactly").decode()


def headers(timestamp: int, *secrets: str, body: bytes = BODY) -> dict[str, str]:
    return signing.headers(ID, timestamp, body, [signing.read_key(secret) for secret in secrets])


def test_hostile_15_the_published_vector() -> None:
    assert headers(TIMESTAMP, SECRET) == {
        "webhook-id": ID,
        "webhook-timestamp": str(TIMESTAMP),
        "webhook-signature": SIGNATURE,
    }


@pytest.fixture(scope="session")
def found() -> dict[str, Library]:
    return libraries()


@pytest.fixture(params=["pypi-standardwebhooks", "pypi-svix", "npm-standardwebhooks"])
def library(request: pytest.FixtureRequest, found: dict[str, Library]) -> Library:
    """Each of the official libraries."""
    return found[request.param]


def test_hostile_15_what_we_sign_they_accept_and_what_they_sign_we_would(library: Library) -> None:
    bodies = [BODY, document(make_message(title="央行宣布降息 <b> \u2028 👨‍👩‍👧‍👦"))]
    for body in bodies:
        sent = headers(TIMESTAMP, SECRET, body=body)
        assert library.verify(SECRET, body, sent, TIMESTAMP) == ""
        assert library.sign(SECRET, ID, TIMESTAMP, body) == sent["webhook-signature"]
        assert library.verify(SECRET, body + b" ", sent, TIMESTAMP) != ""
        assert library.verify(SECRET, body, {**sent, "webhook-id": "msg_x"}, TIMESTAMP) != ""
    assert library.sign(SECRET, ID, TIMESTAMP, BODY) == SIGNATURE


def test_hostile_15_300_s_are_accepted_and_301_s_are_refused_either_way(library: Library) -> None:
    for away in (-300, 0, 300):
        sent = headers(TIMESTAMP + away, SECRET)
        assert library.verify(SECRET, BODY, sent, TIMESTAMP) == ""
    for away in (-301, 301):
        sent = headers(TIMESTAMP + away, SECRET)
        assert "too" in library.verify(SECRET, BODY, sent, TIMESTAMP)


def test_hostile_15_while_secrets_change_both_old_and_new_receivers_accept(
    library: Library,
) -> None:
    sent = headers(TIMESTAMP, SECRET, OTHER)
    assert len(sent["webhook-signature"].split()) == 2
    for secret in (SECRET, OTHER):
        assert library.verify(secret, BODY, sent, TIMESTAMP) == ""
    stranger = "whsec_" + base64.b64encode(b"x" * 32).decode()
    assert "No matching" in library.verify(stranger, BODY, sent, TIMESTAMP)
    assert "No matching" in library.verify(OTHER, BODY, headers(TIMESTAMP, SECRET), TIMESTAMP)


@given(st.text(min_size=1), st.integers(0, 10**6))
def test_any_body_verifies_and_one_changed_byte_does_not(text: str, at: int) -> None:
    body = text.encode("utf-8", "replace")
    sent = headers(int(time.time()), SECRET, body=body)
    Webhook(SECRET).verify(body, sent, json_parse=False)
    place = at % len(body)
    changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
    with pytest.raises((WebhookVerificationError, UnicodeDecodeError)):
        Webhook(SECRET).verify(changed, sent, json_parse=False)


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_short", "not base64 at all !!", "whsec_" + "A" * 200, "whsec_ü"],
)
def test_a_secret_that_is_none_is_refused_unseen(secret: str) -> None:
    with pytest.raises(ValueError, match="a secret") as caught:
        signing.read_key(secret)
    assert len(secret) < 8 or secret.removeprefix("whsec_") not in str(caught.value)


@pytest.mark.parametrize("size", [24, 32, 64])
def test_keys_of_24_to_64_bytes_are_taken_with_and_without_prefix_and_padding(size: int) -> None:
    key = bytes(range(size))
    text = base64.b64encode(key).decode()
    assert signing.read_key(f" whsec_{text}\n") == key
    assert signing.read_key(text.rstrip("=")) == key
