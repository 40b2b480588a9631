"""What an ad platform must offer to be a channel.

in   a Setup
out  resources read, changes written
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from omnimix.activation.channel.plan import Change
from omnimix.activation.channel.resource import Kind, Resource
from omnimix.creative.brand import Brand


@dataclass(frozen=True, slots=True)
class Setup:
    """What every adapter is built from."""

    folder: Path  # where a file adapter writes, and where any adapter may keep state of its own
    pictures: Path  # the folder that picture paths are relative to
    brand: Brand
    currency: str  # ISO 4217


class Channel(Protocol):
    """Reads and writes one ad account. It never decides: see `make_plan`.

    Register a class whose constructor takes one `Setup` under the entry-point group `omnimix.channels`, then run
    `omnimix.testing.channel.ChannelSuite` against it.
    """

    @property
    def name(self) -> str:
        """The name it is registered under."""
        ...

    @property
    def supports(self) -> frozenset[Kind]:
        """The kinds of resource it can hold."""
        ...

    def read(self) -> Iterable[Resource]:
        """Yield the live resources that carry our label, and no others. Raises Unavailable, InvalidInput."""
        ...

    def write(self, change: Change, *, idempotency_key: str) -> None:
        """Make one change, durably. The same key a second time changes nothing.

        Raises Unavailable if it may be retried, InvalidInput if not.
        """
        ...
