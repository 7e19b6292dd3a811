"""E-mail against real servers: TLS that cannot be stripped, refusals, servers that stall."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import ssl
import sys
import time
from email import message_from_bytes
from pathlib import Path
from typing import Any

import dkim
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from monitor import channels
from monitor.channels import Means
from monitor.errors import SettingsError, TransportError
from monitor.messages import Message, Receipt
from tests.fakes import make_message
from tests.mailserver import Handler, MailServer, TcpServer, server_tls
from tests.monitor.channels.rigs import PASSWORD, deliver

READERS = ("a@x.example", "b@x.example", "c@x.example")


def settings(number: int, **fields: object) -> dict[str, object]:
    table: dict[str, object] = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": number,
        "tls": "none",
        "sender": "monitor@news.example",
        "recipients": list(READERS),
    }
    return {**table, **fields}


def send(server: MailServer | TcpServer, *messages: Message, **fields: Any) -> Any:
    """What sending came to; the first result where there is one message."""
    deadline_s = fields.pop("deadline_s", 0.0)
    table = settings(server.port, **fields)
    found = deliver(table, *(messages or (make_message(),)), deadline_s=deadline_s)
    return found if len(found) > 1 else found[0]


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def test_one_mail_goes_to_the_whole_list() -> None:
    with MailServer() as server:
        receipt = send(server, recipients=[*READERS, "a@x.example"])
        (mail,) = server.mails
    assert receipt == Receipt("kept as number 1")
    assert (mail.sender, mail.recipients) == ("monitor@news.example", READERS)
    assert mail.message["To"] == ", ".join(READERS)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_and_login_are_encrypted(authority: trustme.CA, ca_file: str, tls: str) -> None:
    with MailServer(
        server_tls(authority), implicit=tls == "implicit", login=("me", PASSWORD)
    ) as server:
        receipt = send(server, tls=tls, ca_file=ca_file, username="me", password=PASSWORD)
        assert isinstance(receipt, Receipt), receipt
        (mail,) = server.mails
    assert mail.encrypted
    assert mail.login == b"me"


def test_hostile_11_stripped_starttls_is_a_failure_and_nothing_is_said_in_the_clear() -> None:
    with MailServer(login=("me", PASSWORD)) as server:
        error = send(server, tls="starttls", username="me", password=PASSWORD)
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert "STARTTLS" in str(error)
    assert (server.mails, server.commands) == ([], [])


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_hostile_11_a_certificate_of_a_stranger_is_a_failure(
    authority: trustme.CA, tls: str
) -> None:
    with MailServer(server_tls(authority), implicit=tls == "implicit") as server:
        error = send(server, tls=tls)
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert "certificate" in str(error)
    assert server.mails == []


def test_hostile_11_a_certificate_for_another_name_is_a_failure(
    authority: trustme.CA, ca_file: str
) -> None:
    with MailServer(server_tls(authority, "other.example")) as server:
        error = send(server, tls="starttls", ca_file=ca_file)
    assert isinstance(error, TransportError)
    assert server.mails == []


def test_hostile_11_bytes_slipped_in_before_tls_are_not_believed(
    authority: trustme.CA, ca_file: str
) -> None:
    """After STARTTLS a man in the middle appends an answer of his own, still in the clear."""

    async def inject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        await reader.readline()
        writer.write(b"250-mail\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n")
        await reader.read(65_536)

    with TcpServer(inject) as server:
        error = send(server, tls="starttls", ca_file=ca_file, deadline_s=1.0)
    assert isinstance(error, TransportError)
    assert not error.permanent


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("reply", "permanent"),
    [("421 closing", False), ("451 greylisted", False), ("550 no such user", True)],
)
def test_hostile_11_codes_of_4xx_are_tried_again_and_5xx_are_not(
    command: str, reply: str, permanent: bool
) -> None:
    with MailServer() as server:
        server.answer(command, reply)
        error = send(server)
        assert isinstance(error, TransportError)
        assert error.permanent is permanent
        assert reply[:3] in str(error)
        server.heal()
        assert isinstance(send(server), Receipt)


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
@pytest.mark.parametrize("reply", ["530 log in first", "535 bad password"])
def test_a_login_that_is_missing_is_a_persons_to_mend(command: str, reply: str) -> None:
    with MailServer() as server:
        server.answer(command, reply)
        error = send(server)
    assert isinstance(error, TransportError)
    assert not error.permanent


def test_hostile_11_greylisting_ends_with_one_mail() -> None:
    with MailServer() as server:
        server.answer("RCPT", "451 come back", times=6)
        first, second, third = send(server, *[make_message()] * 3)
        assert len(server.mails) == 1
    assert [type(each) for each in (first, second, third)] == [
        TransportError,
        TransportError,
        Receipt,
    ]


async def banner_never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await writer.wait_closed()


async def banner_drips(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"2")
        await writer.drain()
        await asyncio.sleep(0.05)


async def data_drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for answer in (b"220 mail\r\n", *[b"250 OK\r\n"] * 5, b"354 go\r\n"):
        writer.write(answer)
        await reader.readline()
    await banner_drips(reader, writer)


async def reads_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for answer in (b"220 mail\r\n", *[b"250 OK\r\n"] * 5):
        writer.write(answer)
        await reader.readline()
    writer.write(b"354 go\r\n")
    await asyncio.Event().wait()


@pytest.mark.parametrize("handler", [banner_never, banner_drips, data_drips, reads_nothing])
def test_hostile_11_a_server_that_stalls_is_cut_off_in_total(handler: Handler) -> None:
    with TcpServer(handler) as server:
        started = time.monotonic()
        error = send(server, make_message(title="字" * 900), deadline_s=1.0)
        took_s = time.monotonic() - started
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert "did not finish" in str(error)
    assert 0.4 < took_s < 6.0


def test_hostile_11_the_deadline_is_60_s() -> None:
    assert build(settings(25)).deadline_s == 60.0


async def hangs_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    pass


async def refuses(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"554 go away\r\n")
    await writer.drain()


async def speaks_http(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


async def pours(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"220-" + b"x" * 60_000)
        await writer.drain()


@pytest.mark.parametrize("handler", [hangs_up, refuses, speaks_http, pours])
def test_a_server_that_is_none_is_worth_another_try(handler: Handler) -> None:
    with TcpServer(handler) as server:
        error = send(server, deadline_s=4.0)
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert len(str(error)) < 400


def test_a_wrong_password_is_a_persons_to_mend_and_stays_unseen() -> None:
    with MailServer(login=("me", "other")) as server:
        error = send(server, username="me", password=PASSWORD, plain_login=True)
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert "535" in str(error)
    assert PASSWORD not in str(error)


def test_who_is_put_off_is_tried_again_and_nobody_else() -> None:
    with MailServer() as server:
        server.answer("RCPT", "451 later", who="b@x.example", times=1)
        first, second = send(server, make_message(), make_message())
        assert [mail.recipients for mail in server.mails] == [
            ("a@x.example", "c@x.example"),
            ("b@x.example",),
        ]
        ids = {mail.message["Message-ID"] for mail in server.mails}
    assert isinstance(first, TransportError)
    assert not first.permanent
    assert "b@x.example: 451 later" in str(first)
    assert isinstance(second, Receipt)
    assert len(ids) == 1


def test_who_is_refused_for_good_is_told_and_the_others_have_it() -> None:
    with MailServer() as server:
        server.answer("RCPT", "550 unknown", who="b@x.example")
        receipt = send(server)
        assert [mail.recipients for mail in server.mails] == [("a@x.example", "c@x.example")]
    assert isinstance(receipt, Receipt)
    assert "b@x.example: 550 unknown" in receipt.detail


def test_refused_by_all_but_one_who_is_put_off() -> None:
    with MailServer() as server:
        server.answer("RCPT", "550 unknown", who="a@x.example")
        server.answer("RCPT", "550 unknown", who="b@x.example")
        server.answer("RCPT", "451 later", who="c@x.example", times=1)
        first, second = send(server, make_message(), make_message())
        assert [mail.recipients for mail in server.mails] == [("c@x.example",)]
        assert server.commands.count("RCPT a@x.example") == 1
    assert not first.permanent
    assert isinstance(second, Receipt)


def test_put_off_and_then_refused_for_good_is_permanent() -> None:
    with MailServer() as server:
        server.answer("RCPT", "451 later", times=3)
        server.answer("RCPT", "550 unknown")
        first, second = send(server, make_message(), make_message())
    assert (first.permanent, second.permanent) == (False, True)


def test_a_goodbye_that_hangs_does_not_undo_the_delivery() -> None:
    async def no_goodbye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"220 mail\r\n", *[b"250 OK\r\n"] * 5):
            writer.write(answer)
            await reader.readline()
        writer.write(b"354 go\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 kept\r\n")
        await asyncio.Event().wait()

    with TcpServer(no_goodbye) as server:
        started = time.monotonic()
        assert send(server) == Receipt("kept")
    assert time.monotonic() - started < 20


def test_a_server_that_knows_only_helo() -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        while line := (await reader.readline()).strip():
            answers = {b"EHLO": b"502 what", b"DATA": b"354 go", b"QUIT": b"221 bye"}
            writer.write(answers.get(line[:4], b"250 OK") + b"\r\n")
            if line == b"DATA":
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 kept\r\n")

    with TcpServer(old) as server:
        assert send(server) == Receipt("kept")


def test_addresses_in_other_letters() -> None:
    with MailServer(utf8=True) as server:
        receipt = send(server, sender="监测 <monitor@新闻.example>", recipients=["读者@x.example"])
        assert isinstance(receipt, Receipt), receipt
        (mail,) = server.mails
    assert mail.sender == "monitor@xn--efvy88h.example"
    assert mail.recipients == ("读者@x.example",)
    assert mail.message["To"] == "读者@x.example"


def test_a_server_that_knows_no_such_letters_is_told_apart() -> None:
    with MailServer() as server:
        error = send(server, recipients=["读者@x.example"])
    assert isinstance(error, TransportError)
    assert "SMTPUTF8" in str(error)


def test_the_password_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    with MailServer(login=("me", PASSWORD)) as server:
        receipt = send(server, username="me", password_file=str(file), plain_login=True)
    assert isinstance(receipt, Receipt), receipt


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"tls": "maybe"}, "starttls, implicit or none"),
        ({"port": 70_000}, "no port 70000"),
        ({"recipients": []}, "at least one"),
        ({"recipients": ["nobody"]}, "'nobody' is not a mail address"),
        ({"recipients": ["a@x.example\r\nBcc: t@e.example"]}, "not a mail address"),
        ({"recipients": ["a@x.example, b@x.example"]}, "not a mail address"),
        ({"sender": "@x.example"}, "not a mail address"),
        ({"sender": "a b@x.example"}, "not a mail address"),
        ({"sender": "a@" + "x" * 70 + "ü.example"}, "not a mail address"),
        ({"username": "me", "password": "x"}, "without TLS"),
        ({"tls": "starttls", "ca_file": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),
        ({"tls": "starttls", "password_file": "/nowhere/password"}, "/nowhere/password"),
        ({"ca_file": __file__, "tls": "implicit"}, "ca_file"),
    ],
)
def test_settings_that_cannot_be_are_told(fields: dict[str, object], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        build(settings(25, **fields))


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("implicit", 465), ("none", 25)])
def test_the_usual_ports(tls: str, port: int) -> None:
    assert build(settings(0, tls=tls))._server.port == port


def test_certificates_are_checked_by_default() -> None:
    context = build(settings(0, tls="starttls"))._server.context
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def build(table: dict[str, object]) -> Any:
    """The channel, which is not to be used."""
    with contextlib.suppress(NotImplementedError):
        return channels.build("one", table, Means(None))  # type: ignore[arg-type]
    raise AssertionError("unreachable")


# DKIM and templates


def test_a_mail_is_signed_with_dkim_and_every_letter_counts(tmp_path: Path) -> None:
    private, public = rsa_key()
    (tmp_path / "dkim.pem").write_bytes(private)
    asked = []

    def txt(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return b"v=DKIM1; k=rsa; p=" + public

    with MailServer() as server:
        fields = {"dkim_key_file": str(tmp_path / "dkim.pem"), "dkim_selector": "mail2026"}
        receipt = send(server, make_message(title="央行宣布降息 " * 30), **fields)
        raw = server.mails[0].raw
    assert isinstance(receipt, Receipt), receipt
    assert dkim.verify(raw, dnsfunc=txt)
    assert asked[0] == b"mail2026._domainkey.news.example."
    assert not dkim.verify(raw.replace(b"X-Auto", b"Subject: other\r\nX-Auto"), dnsfunc=txt)
    signed = str(message_from_bytes(raw)["DKIM-Signature"]).replace("\r\n", "")
    for name in ("from", "to", "subject", "list-id", "message-id"):
        assert re.search(rf"h=[^;]*\b{name}\b", signed)


def test_dkim_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dkim.pem").write_bytes(rsa_key()[0])
    monkeypatch.setitem(sys.modules, "dkim", None)
    table = settings(25, dkim_key_file=str(tmp_path / "dkim.pem"), dkim_selector="a")
    with pytest.raises(SettingsError, match=r"headline-monitor\[dkim\]"):
        build(table)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"dkim_key_file": __file__, "dkim_selector": "a"}, "no RSA private key"),
        ({"dkim_key_file": __file__}, "needs dkim_selector"),
        ({"dkim_key_file": "/nowhere/key", "dkim_selector": "a"}, "/nowhere/key"),
        ({"dkim_selector": "a"}, "dkim_key_file is not"),
        ({"language": "fr"}, "en or zh"),
        ({"timezone": "Asia/Shanghia"}, "did you mean 'Asia/Shanghai'"),
        ({"list_id": "no dots"}, "list_id"),
        ({"unsubscribe": "nobody"}, "not a mail address"),
        ({"unsubscribe": "a&b=c@x.example"}, "cannot stand"),
        ({"subject_template": "/nowhere/subject.txt"}, "/nowhere/subject.txt"),
    ],
)
def test_more_settings_that_cannot_be_are_told(fields: dict[str, object], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        build(settings(25, **fields))


def test_own_templates_make_the_mail(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("{{ rule }}:\n {{ entries[0].title }}", encoding="utf-8")
    (tmp_path / "t.txt").write_text("{{ entries[0].source }} {{ count }}\n", encoding="utf-8")
    (tmp_path / "h.html").write_text("<i>{{ entries[0].title }}</i>\n", encoding="utf-8")
    named = {"subject": "s.txt", "text": "t.txt", "html": "h.html"}
    fields = {f"{name}_template": str(tmp_path / file) for name, file in named.items()}
    with MailServer() as server:
        receipt = send(server, make_message(title="A <b> & 降息"), **fields)
        (mail,) = server.mails
    assert isinstance(receipt, Receipt), receipt
    assert receipt.warning == ""
    assert mail.message["Subject"] == "rates: A <b> & 降息"
    assert mail.text() == "示例要闻 1 headline\n"
    assert mail.text("html") == "<i>A &lt;b&gt; &amp; 降息</i>\n"


def rsa_key() -> tuple[bytes, bytes]:
    """A private key in PEM, and the public one as DNS holds it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return private, base64.b64encode(public)
