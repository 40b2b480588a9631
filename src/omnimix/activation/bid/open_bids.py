"""Open bids: what one worker has bid and does not know the end of yet.

in   bids as they are made; letters of what became of them; the instant
out  Closed bids: what to give back, what to count; each bid is closed once

A bid that nobody tells of is lost when its life is over. Lives differ; a heap finds the next that ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

import msgspec

from omnimix.activation.bid.notice import Letter, Outcome


class OpenBid(msgspec.Struct, frozen=True, gc=False):
    """One bid. `micros` were taken from the purse for it; `entry` is what the journal keeps if it is billed."""

    decision_id: str
    campaign: str
    person: str
    curve: str  # which win curve learns of it
    cpm: int
    micros: int
    at_us: int
    until_us: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """How a bid ended. `cpm`: what was billed, or for a bid that was not, the least that would have won; 0: not
    told."""

    bid: OpenBid
    outcome: Outcome
    cpm: int = 0


class OpenBids:
    """Of one worker; belongs to one thread."""

    def __init__(self) -> None:
        self._open: dict[str, OpenBid] = {}
        self._won: set[str] = set()
        self._ends: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._open)

    def add(self, bid: OpenBid) -> None:
        """A bid was made."""
        self._open[bid.decision_id] = bid
        heappush(self._ends, (bid.until_us, bid.decision_id))

    def told(self, decision_id: str, letter: Letter) -> Closed | None:
        """What a letter closes; None for a win that is not billed yet, and for a bid that is not open."""
        if letter.outcome == Outcome.WON:
            if decision_id in self._open:
                self._won.add(decision_id)
            return None
        if letter.outcome == Outcome.LOST and decision_id in self._won:
            return None  # who was told of a win waits for the bill
        bid = self._open.pop(decision_id, None)
        if bid is None:
            return None
        self._won.discard(decision_id)
        return Closed(bid, Outcome(letter.outcome), letter.cpm)

    def ended(self, now_us: int) -> Iterator[Closed]:
        """Bids whose life is over, each as lost, or as won and never billed."""
        while self._ends and self._ends[0][0] <= now_us:
            _, decision_id = heappop(self._ends)
            bid = self._open.pop(decision_id, None)
            if bid is not None:
                won = decision_id in self._won
                self._won.discard(decision_id)
                yield Closed(bid, Outcome.WON if won else Outcome.LOST)
