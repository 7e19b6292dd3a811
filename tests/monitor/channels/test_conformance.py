"""What holds for every kind of channel; a new kind needs a rig beside the others."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from monitor import channels
from monitor.channels import CHANNEL_KINDS
from monitor.errors import SettingsError, TransportError
from monitor.messages import Message, Receipt
from monitor.storage import messages
from tests.fakes import make_entry, make_message
from tests.monitor.channels.rigs import RIGS, Rig, deliver

DOCUMENTS = Path(__file__).parents[2] / "data" / "channels"
HOSTILE_TITLES = [
    "a\r\nBcc: thief@evil.example\r\n\r\nbody",
    "a\nwebhook-id: other",
    "\x00\x01\x1b[31m\x7f\x85\u2028\u2029 end",
    "\ud800 lone \udfff",
    "<script>alert(1)</script> & \"quotes\" 'too'",
    "{{ 7*7 }} {% for a in b %} ${7*7} %s %(x)s",
    "\u202egnp.exe \u2066x\u2069 \u200b\u200d",
    "é" * 50 + "e" + "\u0301" * 1_000,
    "👨‍👩‍👧‍👦" * 300,
    "=?utf-8?q?encoded?= =?utf-8?b?AAAA?=",
    ".\r\n.\r\nQUIT",
    "字" * 100_000,
    " " * 500,
    "",
]


@pytest.fixture(params=sorted(CHANNEL_KINDS))
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with contextlib.ExitStack() as stack:
        yield RIGS[request.param](stack)


def test_every_kind_has_a_rig() -> None:
    assert RIGS.keys() == CHANNEL_KINDS.keys()


def test_a_message_arrives_with_its_id(rig: Rig) -> None:
    (receipt,) = deliver(rig.table, make_message("msg_a", "央行宣布降息 AI芯片"))
    assert isinstance(receipt, Receipt), receipt
    assert rig.taken() == [("msg_a", "央行宣布降息 AI芯片")]


def test_the_same_message_again_has_the_same_id(rig: Rig) -> None:
    message = make_message("msg_a")
    deliver(rig.table, message, message, make_message("msg_b"))
    assert [number for number, _ in rig.taken()] == ["msg_a", "msg_a", "msg_b"]


@pytest.mark.parametrize("permanent", [True, False])
def test_a_refusal_says_whether_another_try_can_help(rig: Rig, permanent: bool) -> None:
    rig.refuse(permanent=permanent, text="the words of the server")
    (error,) = deliver(rig.table, make_message())
    assert isinstance(error, TransportError)
    assert error.permanent is permanent
    assert "the words of the server" in str(error)


def test_nobody_there_is_worth_another_try(rig: Rig, unused_port: int) -> None:
    table = dict(rig.table)
    if "port" in table:
        table["port"] = unused_port
    else:
        table["url"] = re.sub(r":\d+", f":{unused_port}", str(table["url"]))
    (error,) = deliver(table, make_message())
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert "127.0.0.1" in str(error)


def test_silence_is_cut_at_the_deadline(rig: Rig) -> None:
    rig.be_silent()
    (error,), took_s = timed(rig.table, make_message(), deadline_s=1.0)
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert 0.4 < took_s < 3.0


def timed(table: Mapping[str, object], *messages: Message, deadline_s: float) -> Any:
    """What ``deliver`` returns, and the seconds that sending took."""
    deliver(table, deadline_s=deadline_s)  # what is asked once only has been asked
    started = time.monotonic()
    return deliver(table, *messages, deadline_s=deadline_s), time.monotonic() - started


def test_no_secret_is_shown_even_when_the_server_repeats_it(rig: Rig) -> None:
    rig.refuse(permanent=False, text="you sent " + " and ".join(rig.secrets))
    (error,) = deliver(rig.table, make_message())
    assert isinstance(error, TransportError)
    assert "you sent" in str(error)
    kind = CHANNEL_KINDS[str(rig.table["kind"])]
    table = {key: value for key, value in rig.table.items() if key != "kind"}
    shown = [str(error), repr(error), repr(channels.options.read(kind.options, table, "x"))]
    shown.append(repr(error.__cause__))
    assert not [secret for secret in rig.secrets for text in shown if secret in text]


def test_hostile_17_titles_stay_titles(rig: Rig) -> None:
    sent = []
    for at in range(0, len(HOSTILE_TITLES), 4):
        titles = HOSTILE_TITLES[at : at + 4]
        entries = tuple(
            make_entry(title, source=title[:300], spans=((0, 3), (2, 9**9))) for title in titles
        )
        rule = titles[0][:300]
        sent.append(make_message(f"msg_{at}", rule=rule, query=rule, entries=entries))
    found = deliver(rig.table, *sent)
    assert [each for each in found if not isinstance(each, Receipt)] == []
    assert [number for number, _ in rig.taken()] == [message.id for message in sent]


@pytest.mark.parametrize("kind", sorted(CHANNEL_KINDS))
def test_every_kind_has_documents(kind: str) -> None:
    names = {file.stem for file in (DOCUMENTS / kind).glob("*.json")}
    assert names >= {"alert", "digest", "notice"}


@pytest.mark.parametrize(
    "file", sorted(DOCUMENTS.glob("*/*.json")), ids=lambda file: f"{file.parent.name}-{file.stem}"
)
def test_a_document_arrives_as_it_is_expected(file: Path) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    with contextlib.ExitStack() as stack:
        rig = RIGS[file.parent.name](stack)
        message = messages.decode({"notice": "", "entries": [], **document["message"]})
        (receipt,) = deliver({**rig.table, **document["options"]}, message)
        assert isinstance(receipt, Receipt), receipt
        assert rig.documents() == [document["expected"]]


def test_an_unknown_setting_names_the_nearest(rig: Rig) -> None:
    with pytest.raises(SettingsError) as caught:
        deliver({**rig.table, "secretz": 1, "recipientz": 1, "languge": 1}, make_message())
    assert "did you mean" in str(caught.value)


def test_what_must_be_set_is_named(rig: Rig) -> None:
    with pytest.raises(SettingsError, match="must be set"):
        deliver({"kind": rig.table["kind"]}, make_message())


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean 'webhook'"):
        deliver({"kind": "webhok", "port": 1}, make_message())
