"""Try a channel: send a message now, and listen to the conversation."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from monitor import channels
from monitor.client import ClientSettings, HttpClient
from monitor.config import Settings
from monitor.errors import NotFound, SettingsError, TransportError
from monitor.messages import AlertEntry, Message
from monitor.options import nearest
from monitor.service import USER_AGENT, make_means, utc_now

MAX_LINES = 500


@dataclass(slots=True)
class Trial:
    """What became of a test message; ``said`` are the lines, each with who said it.

    Who is ``us``, ``them`` or ``note``. No line holds a secret.
    """

    name: str
    kind: str
    message_id: str
    said: list[tuple[str, str]] = field(default_factory=list)
    delivered: bool = False
    detail: str = ""
    warning: str = ""
    seconds: float = 0.0

    def hear(self, who: str, text: str) -> None:
        """One more line."""
        if len(self.said) < MAX_LINES:
            self.said.append((who, text))


async def try_channel(settings: Settings, name: str) -> Trial:
    """Send a test message through a channel now. It is neither stored nor tried again.

    Raises NotFound for a channel that the settings lack, SettingsError for one whose table
    cannot be used; the other channels do not matter.
    """
    table = settings.channels.get(name)
    if table is None:
        hint = nearest(name, settings.channels) if settings.channels else "; there is none yet"
        raise NotFound(f"no channel is called {name!r} in headlines.toml{hint}")
    message = test_message(name)
    trial = Trial(name, str(table["kind"]), message.id)
    allow = settings.polling.allow_private
    async with HttpClient(ClientSettings(USER_AGENT, allow_private=allow)) as client:
        means = make_means(settings, client, trace=trial.hear)
        channel = channels.build(name, table, means)
        started = time.monotonic()
        try:
            receipt = await channel.send(message)
        except TransportError as error:
            trial.detail, trial.delivered = str(error), error.partly
        else:
            trial.delivered, trial.detail, trial.warning = True, receipt.detail, receipt.warning
        trial.seconds = round(time.monotonic() - started, 3)
    return trial


def unusable(settings: Settings, names: Collection[str]) -> dict[str, SettingsError]:
    """Those of the settings' channels whose tables make none, and why."""
    means = make_means(settings, HttpClient(ClientSettings(USER_AGENT)))
    found = {}
    for name in names:
        try:
            channels.build(name, settings.channels[name], means)
        except SettingsError as error:
            found[name] = error
    return found


def test_message(channel: str) -> Message:
    """A message that nobody takes for news."""
    now = utc_now()
    entry = AlertEntry(
        id=0,
        title="A test of Headline Monitor 新闻监测测试",
        url="",
        source="Headline Monitor",
        section="tech",
        probability=1.0,
        unsure=False,
        published_at=None,
        first_seen_at=now,
    )
    number = f"msg_test_{secrets.token_hex(12)}"
    return Message(number, "test", "test", channel, now, (entry,))
