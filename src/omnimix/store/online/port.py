"""What a store of online state must offer.

in   keys (at most KEY_BYTES bytes), values, functions that say what a turn writes
out  OnlineStore, Change

A turn reads keys, decides, writes keys and appends to the journal: all of it or nothing, and as if it were alone.
What a turn wrote survives the end of any process, SIGKILL included; what survives the end of the machine, each
store says. `omnimix.testing.online.OnlineStoreSuite` holds a store to this.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

KEY_BYTES = 480  # the longest key


@dataclass(frozen=True, slots=True)
class Change:
    """What one turn writes. A value of None deletes its key. `entries` are appended to the journal, in order."""

    values: Mapping[bytes, bytes | None] = field(default_factory=dict)
    entries: Sequence[bytes] = ()


Make = Callable[[list[bytes | None]], Change]


class OnlineStore(Protocol):
    """Shared by any number of processes; the threads of a process may share one object."""

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of `keys`, as of one instant, None where there is none."""
        ...

    def change(self, keys: Sequence[bytes], make: Make) -> None:
        """One turn. `make` gets the values of `keys` and says what to write, on these keys or others.

        `make` is pure: it may be called again when another turn came first. What it raises ends the turn with
        nothing written. Raises Unavailable when the store is full or away.
        """
        ...

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys that begin with `prefix`, with their values. What is written meanwhile may or may not be among
        them."""
        ...

    def entries(self, after: int, most: int) -> list[tuple[int, bytes]]:
        """At most `most` journal entries with numbers above `after`: (number, entry), in the order of their turns.

        Numbers begin at 1, have no gaps, and are never given twice.
        """
        ...

    def cut(self, upto: int) -> None:
        """Forget the journal entries with numbers up to `upto`."""
        ...

    def flush(self) -> None:
        """Bring everything to disk, so far as the store does that."""
        ...

    def close(self) -> None:
        """Let the store go."""
        ...
