"""The links of a mail, through the daemon's own door; and its heartbeat."""

from __future__ import annotations

import re
import socket
import urllib.request

from monitor.storage import rules
from tests.e2e.conftest import World
from tests.e2e.process import until
from tests.httpserver import Reply


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_mail_s_links_work_and_the_heartbeat_beats(world: World) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    world.portal.server.route("/beat", Reply(200))
    beat = world.portal.server.url("/beat")
    world.write_settings(
        web={"listen": base.removeprefix("http://"), "public_url": base},
        alerts={"owner": "hook", "heartbeat_url": beat},
    )
    world.add(world.portal.add("/a", "chip 1"), history=True)
    world.rule("chip", "mail")
    world.start().ready(60)
    until(lambda: world.mails.mails, 60, "the mail")
    until(lambda: world.portal.server.count("/beat"), 60, "a heartbeat")
    mail = world.mails.mails[0].message
    link = str(mail["List-Unsubscribe"]).strip("<>")
    text = mail.get_body(("plain",)).get_content()
    links = set(re.findall(rf"{base}/do/\S+", text))
    assert len(links) >= 2, text
    for each in (link, *links):
        with urllib.request.urlopen(each, timeout=10) as page:  # a scanner's look
            assert page.status == 200
    with world.database.read() as connection:
        assert rules.get(connection, "rule").channels == ("mail",)
    with urllib.request.urlopen(link, data=b"List-Unsubscribe=One-Click", timeout=10) as page:
        assert page.status == 200
    with world.database.read() as connection:
        assert rules.get(connection, "rule").channels == ()
    world.portal.publish("/a", "chip 2")
    until(lambda: "chip 2" in world.stored, 60, "the next headline")
    assert len(world.mails.mails) == 1
