"""`[collect]` of omnimix.toml: who may send events, from where, and how much may wait.

in   the table's keys
out  a frozen Collect record, and the Source that each write key stands for
"""

import re
from collections.abc import Mapping
from dataclasses import field

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config
from omnimix.data.source.spec import Source

PRESET = "segment_jsonl"  # live events have the shape of Segment's JSON


@config
class Collect:
    """Live collection. `write_keys` maps a name, the source of the events, to the key that its senders know.

    Write keys of browsers are public; those of servers are secrets: take both from the environment (`${NAME}`).
    `properties` are further properties that may be kept, as `properties.colour`.
    """

    write_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    origins: tuple[str, ...] = ("*",)  # sites whose browsers may send
    dedupe_days: int = 7
    dedupe_events: int = 20_000_000  # within that many days; more shorten them
    waiting_mb: int = 2_048  # acknowledged and not yet settled; above it senders are asked to wait (429)
    settle_seconds: int = 60
    settle_mb: int = 16  # settles earlier when that much waits
    properties: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)  # their event name → Segment's

    def __post_init__(self) -> None:
        for name, key in self.write_keys.items():
            if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
                raise InvalidInput(
                    f"{name!r} cannot name a source",
                    where="collect.write_keys",
                    fix="use letters, digits, hyphen and underscore",
                )
            if len(key) < 8 or not key.isascii() or not key.isprintable() or ":" in key or " " in key:
                raise InvalidInput(
                    "a write key has 8 printable ASCII characters or more, no colon, no space",
                    where=f"collect.write_keys.{name}",
                    fix="make one: python -c 'import secrets; print(secrets.token_urlsafe(24))'",
                )
        if len(set(self.write_keys.values())) < len(self.write_keys):
            raise InvalidInput(
                "two sources have the same write key", where="collect.write_keys", fix="give each its own"
            )
        for name in ("dedupe_days", "dedupe_events", "waiting_mb", "settle_seconds", "settle_mb"):
            if getattr(self, name) < 1:
                raise InvalidInput("it is below 1", where=f"collect.{name}", fix="give 1 or more")


def live_source(collect: Collect, *, currency: str) -> Source:
    """What every write key's events are read as. `currency` holds for amounts that name none."""
    return Source(
        preset=PRESET, currency=currency, timezone="UTC", properties=collect.properties, names=collect.names
    )
