"""Where messages go. To add a kind: one module with a record of options and ``create``,
one line in CHANNEL_KINDS; the conformance suite then runs over it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from monitor import options
from monitor.channels import email, webhook
from monitor.channels.base import Channel, Linker, Means, NoLinks
from monitor.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["CHANNEL_KINDS", "Channel", "Kind", "Linker", "Means", "NoLinks", "build"]

Options = TypeVar("Options", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Kind(Generic[Options]):
    """A kind of channel: what may be set, and how a channel is made of that."""

    options: type[Options]
    create: Callable[[str, Options, Means], Channel]

    def build(self, name: str, table: Mapping[str, object], means: Means) -> Channel:
        """The channel that ``table`` describes. Raises SettingsError."""
        return self.create(name, options.read(self.options, table, f"channels.{name}"), means)


CHANNEL_KINDS: Mapping[str, Kind[Any]] = {
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
    return kind.build(name, {key: table[key] for key in table if key not in EVERY_KIND}, means)
