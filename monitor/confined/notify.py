"""A process that speaks to a service through Apprise: ``python -m monitor.confined.notify``.

``{"check": [url, …], "allow": […]}`` is answered by a list with, for each address, "" or what
is wrong with it. ``{"url", "title", "blocks", "more", "omitted", "format", "id", "allow"}`` is
answered by ``{"taken", "service", "said", "refused", "reached", "exchanges"}``. Nothing that
is answered has been freed of secrets: that is the parent's work.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from monitor.addresses import NOTHING_ALLOWED, Allowed, check_peer, parse_allowed
from monitor.confined.guard import Guard, limit
from monitor.errors import FetchError

CPU_S = 20
MEMORY_MB = 400
CONNECT_S = 10.0
READ_S = 20.0
MAX_ANSWER_BYTES = 256 * 1024
SHOWN_BYTES = 2_000
# More is read by nobody on a telephone; ntfy makes a file of more than 4,096.
MAX_BODY_BYTES = 4_000


class Lines(logging.Handler):
    """Keeps what Apprise says of its troubles."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING and len(self.lines) < 50:
            self.lines.append(record.getMessage()[:500])


def main() -> None:
    """Answer the one request on standard input."""
    limit(cpu_s=CPU_S, memory_mb=MEMORY_MB)
    request = json.load(sys.stdin)
    allow = parse_allowed(request["allow"])
    guard = Guard(allow, network="url" in request)
    guard.install()
    answers, sys.stdout = sys.stdout, sys.stderr  # what a plugin prints is no answer
    if "check" in request:
        answer: Any = [fault(url, allow) for url in request["check"]]
    else:
        answer = deliver(request, guard)
    json.dump(answer, answers)
    answers.flush()


def service(url: str) -> Any:
    """The plugin that ``url`` stands for, or None. No file, no icon, no second host is used."""
    import apprise

    asset = apprise.AppriseAsset(
        app_id="HeadlineMonitor",
        app_desc="Headline Monitor",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        image_path_mask=False,
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
        storage_mode="memory",
        allow_templates=False,
    )
    found = apprise.Apprise.instantiate(url, asset=asset)
    if found is not None:
        arguments = url.lower().partition("?")[2]
        if "overflow=" not in arguments:
            found.overflow_mode = apprise.OverflowMode.SPLIT
        if "cto=" not in arguments:
            found.socket_connect_timeout = CONNECT_S
        if "rto=" not in arguments:  # a slow answer must not become a second message
            found.socket_read_timeout = READ_S
    return found


# check


def fault(url: str, allow: Allowed = NOTHING_ALLOWED) -> str:
    """What is wrong with ``url``; empty when Apprise takes it."""
    found = service(url)
    if found is None:
        return unknown(url.partition("://")[0].lower())
    if len(found) > 1:
        return (
            "it names several places, and what one refuses would come to the others again and "
            "again: make a channel of each"
        )
    if "host" in found.template_tokens and isinstance(found.host, str):
        host = found.host.strip("[]").rstrip(".").lower()
        port = found.port if isinstance(found.port, int) else 443 if found.secure else 80
        # A name is judged when it is looked up; this one needs no looking up.
        address = "127.0.0.1" if host == "localhost" else host
        if address.replace(".", "").isdigit() or ":" in address:
            try:
                check_peer(address, host, port, allow)
            except FetchError as error:
                return str(error)
    return ""


def unknown(scheme: str) -> str:
    """Why nothing came of an address, as far as its scheme tells."""
    from apprise.manager_plugins import NotificationManager

    manager: Any = NotificationManager()  # type: ignore[no-untyped-call]
    if scheme not in manager:
        return f"Apprise knows no service called {scheme}://"
    plugin = manager[scheme]
    if not plugin.enabled:
        return f"{plugin.service_name} needs a package that is not installed"
    shapes = ", ".join(str(each).replace("{schema}", scheme) for each in plugin.templates[:3])
    return f"it is no address of {plugin.service_name}, which looks like: {shapes}"


# deliver


def deliver(request: dict[str, Any], guard: Guard) -> dict[str, Any]:
    """Send one message; ``taken`` when the service said so."""
    import apprise

    lines = Lines()
    apprise.logger.addHandler(lines)
    apprise.logger.setLevel(logging.INFO)
    found = service(request["url"])
    exchanges: list[dict[str, Any]] = []
    if found is None:
        return answer_of(False, "Apprise", lines, guard, exchanges)
    listen(exchanges, request["id"])
    body = fitting(found, request)
    taken = False
    try:
        asked = found.notify(body=body, title=request["title"], body_format=request["format"])
        taken = bool(asked)
    except Exception as error:  # a plugin's fault is a failed attempt
        lines.lines.append(f"{type(error).__name__}: {error}"[:500])
    return answer_of(taken, str(found.service_name), lines, guard, exchanges)


def answer_of(
    taken: bool, name: str, lines: Lines, guard: Guard, exchanges: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the parent hears."""
    return {
        "taken": taken,
        "service": name,
        "said": lines.lines,
        "refused": guard.refusals[:10],
        "reached": guard.reached[:10],
        "exchanges": exchanges[:100],
    }


def fitting(found: Any, request: dict[str, Any]) -> str:
    """As many blocks as the service takes in one message, and how many headlines are left out.

    Counted in bytes, as many services do. The last block is always sent: it says what the
    message is about.
    """
    blocks: Sequence[str] = request["blocks"]
    room = min(int(found.body_maxlen or MAX_BODY_BYTES), MAX_BODY_BYTES)
    room -= size_of(request["title"].encode()) + 2
    *entries, tail = blocks
    kept = list(entries)
    while len(kept) > 1:
        text = joined(kept, tail, request, len(entries) - len(kept))
        if size_of(text.encode("utf-8", "replace")) <= room:
            break
        kept.pop()
    return joined(kept, tail, request, len(entries) - len(kept))


def joined(kept: Sequence[str], tail: str, request: dict[str, Any], cut: int) -> str:
    """The text; ``cut`` blocks are missing from it."""
    missing = int(request["omitted"]) + cut
    more = [str(request["more"]).format(missing)] if missing else []
    return "\n\n".join(text for text in (*kept, *more, tail) if text)


def listen(exchanges: list[dict[str, Any]], number: str) -> None:
    """From now on every HTTP exchange is noted, carries the message's id, and is cut short."""
    import requests

    library: Any = requests
    send = library.Session.send
    pieces = library.Response.iter_content

    def noted(session: Any, request: Any, **more: Any) -> Any:
        request.headers.setdefault("webhook-id", number)
        note = {"method": request.method, "url": request.url, "sent": size_of(request.body)}
        exchanges.append(note)
        started = time.monotonic()
        try:
            response = send(session, request, **more)
        except Exception as error:
            note["error"] = f"{type(error).__name__}: {error}"[:500]
            raise
        note["status"] = response.status_code
        note["retry_after"] = response.headers.get("Retry-After")
        note["seconds"] = round(time.monotonic() - started, 3)
        if response._content_consumed:
            note["said"] = response.content[:SHOWN_BYTES].decode("utf-8", "replace")
        return response

    def limited(response: Any, *rest: Any, **more: Any) -> Iterator[Any]:
        taken = 0
        for piece in pieces(response, *rest, **more):
            taken += len(piece)
            if taken > MAX_ANSWER_BYTES:
                response.close()
                raise requests.exceptions.ConnectionError("the answer is too long")
            yield piece

    library.Session.send = noted
    library.Response.iter_content = limited


def size_of(body: Any) -> int:
    """The bytes of a request's body, where they can be counted."""
    return len(body) if isinstance(body, str | bytes) else 0


if __name__ == "__main__":
    main()
