"""Where messages go. To add a kind: one module with a record of options and ``create``,
one line in CHANNEL_KINDS, one folder of documents; the conformance suite then runs over it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from monitor import options
from monitor.channels import apprise, email, webhook
from monitor.channels.base import Channel, Linker, Means, NoLinks, Trace, no_trace
from monitor.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "CHANNEL_KINDS",
    "Channel",
    "Kind",
    "Linker",
    "Means",
    "NoLinks",
    "Trace",
    "build",
    "build_all",
    "no_trace",
]

Options = TypeVar("Options", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Kind(Generic[Options]):
    """A kind of channel: what may be set, and how a channel is made of that.

    ``prepare`` hears of all tables of the kind before the first is built, where that saves
    time.
    """

    options: type[Options]
    create: Callable[[str, Options, Means], Channel]
    prepare: Callable[[Sequence[Mapping[str, object]], Means], None] | None = None

    def build(self, name: str, table: Mapping[str, object], means: Means) -> Channel:
        """The channel that ``table`` describes. Raises SettingsError."""
        return self.create(name, options.read(self.options, table, f"channels.{name}"), means)


CHANNEL_KINDS: Mapping[str, Kind[Any]] = {
    "apprise": Kind(apprise.AppriseOptions, apprise.create, apprise.prepare),
    "email": Kind(email.EmailOptions, email.create),
    "webhook": Kind(webhook.WebhookOptions, webhook.create),
}


# Keys of every channel's table that are not the kind's own: ``caps`` are read with the settings.
EVERY_KIND = {"kind", "caps"}


def build(name: str, table: Mapping[str, object], means: Means) -> Channel:
    """The channel of ``[channels.NAME]``. Raises SettingsError with every problem found."""
    wanted = str(table.get("kind", ""))
    kind = CHANNEL_KINDS.get(wanted)
    if kind is None:
        hint = options.nearest(wanted, CHANNEL_KINDS)
        raise SettingsError([("channels.kind", f"channels.{name}: unknown kind {wanted!r}{hint}")])
    return kind.build(name, own(table), means)


def build_all(tables: Mapping[str, Mapping[str, object]], means: Means) -> dict[str, Channel]:
    """The channels of all ``tables``, by name. Raises SettingsError with every problem found."""
    for name, kind in CHANNEL_KINDS.items():
        same = [own(table) for table in tables.values() if table.get("kind") == name]
        if kind.prepare and same:
            kind.prepare(same, means)
    found: dict[str, Channel] = {}
    problems: list[tuple[str, str]] = []
    for name, table in tables.items():
        try:
            found[name] = build(name, table, means)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return found


def own(table: Mapping[str, object]) -> dict[str, object]:
    """What the kind itself reads."""
    return {key: table[key] for key in table if key not in EVERY_KIND}
