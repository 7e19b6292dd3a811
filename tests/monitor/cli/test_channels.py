"""``channels test``: a real message, and the whole conversation without its secrets."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply
from tests.mailserver import MailServer, server_tls

PASSWORD = "correct-horse-battery"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # a published example
TOKEN = "token-of-the-address"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def mail(authority: trustme.CA) -> Iterator[MailServer]:
    with MailServer(server_tls(authority), login=("me", PASSWORD)) as server:
        yield server


def configure(cli: CommandLine, mail: MailServer, hooks: HttpServer, ca: trustme.CA) -> None:
    ca.cert_pem.write_to_path(str(cli.folder / "ca.pem"))
    (cli.folder / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    cli.configure(f"""
[channels.mail]
kind = "email"
host = "127.0.0.1"
port = {mail.port}
ca_file = "ca.pem"
username = "me"
password_file = "password"
sender = "headlines@news.example"
recipients = ["reader@news.example"]

[channels.hook]
kind = "webhook"
url = "{hooks.url(f"/{TOKEN}")}"
secrets = ["{SECRET}"]

[channels.chat]
kind = "apprise"
url = "gotify://127.0.0.1:{hooks.port}/{TOKEN}"

[channels.broken]
kind = "apprise"
url = "nonsense://x"
""")


@pytest.fixture
def set_up(
    cli: CommandLine,
    mail: MailServer,
    portal: HttpServer,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> CommandLine:
    """Three channels that work, one that cannot; files lie beside headlines.toml."""
    portal.fallback(Reply(200, f"hello {TOKEN}".encode()))
    configure(cli, mail, portal, authority)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HEADLINES_CONFIG", str(cli.folder / "headlines.toml"))
    return cli


def test_a_mails_whole_dialogue_is_shown_without_the_password(
    set_up: CommandLine, mail: MailServer
) -> None:
    found = set_up.good("channels", "test", "mail", "--json").json
    assert (found["name"], found["kind"], found["delivered"]) == ("mail", "email", True)
    lines = [f"{line['who']} {line['text']}" for line in found["conversation"]]
    verbs = [line.split()[1] for line in lines if line.startswith("us")]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA,", "QUIT"]
    text = "\n".join(lines)
    for word in ("them 220", "note TLSv1.", "them 235", "us RCPT TO:<reader@news.example>", "kept"):
        assert word in text
    forms = (PASSWORD, f"\0me\0{PASSWORD}")
    for form in (PASSWORD, *(base64.b64encode(each.encode()).decode() for each in forms)):
        assert form not in text
    assert mail.mails[0].message["Message-ID"].startswith(f"<{found['id']}@")
    shown = set_up.good("channels", "test", "mail").out
    assert "  > EHLO" in shown
    assert "  < 250" in shown
    assert "mail: delivered in" in shown


def test_a_refused_login_shows_how_far_it_came(set_up: CommandLine) -> None:
    (set_up.folder / "password").write_text("wrong-password", encoding="utf-8")
    printed = set_up("channels", "test", "mail")
    assert printed.code == 1
    assert "  < 535" in printed.out
    assert "not delivered" in printed.err
    assert "wrong-password" not in printed.out + printed.err


def test_a_webhooks_request_and_answer_are_shown(set_up: CommandLine, portal: HttpServer) -> None:
    found = set_up.good("channels", "test", "hook", "--json").json
    assert found["delivered"]
    text = "\n".join(f"{line['who']} {line['text']}" for line in found["conversation"])
    for word in (
        "us POST http://127.0.0.1:", "bytes)", f"us webhook-id: {found['id']}",
        "us webhook-signature: v1,", "them 200 OK", "them hello [hidden]",
    ):  # fmt: skip
        assert word in text
    assert TOKEN not in text
    assert SECRET.removeprefix("whsec_") not in text
    portal.fallback(Reply(500, b"out of order"))
    printed = set_up("channels", "test", "hook")
    assert printed.code == 1
    assert "  < 500 Internal Server Error" in printed.out
    assert "  < out of order" in printed.out


def test_a_services_exchange_is_shown(set_up: CommandLine) -> None:
    found = set_up.good("channels", "test", "chat", "--json").json
    text = "\n".join(f"{line['who']} {line['text']}" for line in found["conversation"])
    assert "us POST http://127.0.0.1:" in text
    assert "them 200 hello [hidden]" in text
    assert TOKEN not in text


def test_the_doctor_tries_the_tables_as_the_daemon_will(
    set_up: CommandLine, portal: HttpServer
) -> None:
    checks = set_up("doctor", "--json").json
    (settings,) = [each for each in checks if each["check"] == "settings"]
    assert "no service called nonsense" in settings["detail"]
    assert "127.0.0.1" not in settings["detail"]


def test_a_table_that_cannot_be_used_is_told(set_up: CommandLine) -> None:
    printed = set_up("channels", "test", "broken")
    assert printed.code == 2
    assert "no service called nonsense" in printed.err
