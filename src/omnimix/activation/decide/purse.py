"""A purse: what one worker may spend of each campaign's budget, known in memory within a microsecond.

in   the online store, the paces of the release; what is to be paid for
out  yes or no; the chance with which opportunities take part; leases renewed in the store about twice a second

A purse belongs to one thread of one process. It spends what it holds without asking; the caps are kept by the
counter in the store (see `budget`).
"""

from collections.abc import Mapping

from omnimix.activation.decide.budget import GRACE_US, Counter, closed, key_of, read_counter, renewed, written
from omnimix.activation.decide.pacing import SECOND, Pace
from omnimix.store.online.port import Change, OnlineStore

RENEW_US = SECOND // 2  # how often a lease is renewed by itself
SHORT_US = SECOND // 20  # … and how long it is not asked again after it could not give what was needed


class _Open:
    """What a worker holds of one campaign."""

    __slots__ = ("at_us", "chance", "day", "left", "pace", "refused_us", "spent", "until_us", "usual", "worker")

    def __init__(self, pace: Pace, worker: str) -> None:
        self.pace = pace
        self.usual = pace.cost  # micros of the dearest thing paid for so far: a lease holds one at least
        self.begin(worker)

    def begin(self, worker: str) -> None:
        """Hold nothing, under the name `worker`."""
        self.worker = worker
        self.day = 0
        self.left = 0  # micros that may be spent without asking
        self.spent = 0  # on `day`
        self.chance = 0.0
        self.until_us = 0
        self.at_us = 0  # when it was last renewed,
        self.refused_us = 0  # and when it last held less than was needed


class Purse:
    """What one worker may spend, campaign by campaign. `worker` names this start of the process, like no other."""

    def __init__(self, store: OnlineStore, worker: str, paces: Mapping[str, Pace]) -> None:
        self._store, self._worker = store, worker
        self._open: dict[str, _Open] = {}
        self._number = 0
        self.adopt(paces)

    def adopt(self, paces: Mapping[str, Pace]) -> None:
        """Take the paces of a new release; what was leased is kept."""
        for campaign, pace in paces.items():
            if campaign in self._open:
                self._open[campaign].pace = pace
            else:
                self._open[campaign] = _Open(pace, self._worker)

    def chance(self, campaign: str, now_us: int) -> float:
        """The chance in [0, 1] with which an opportunity takes part; 1 for a campaign without a budget."""
        mine = self._open.get(campaign)
        if mine is None:
            return 1.0
        if now_us - mine.at_us >= RENEW_US:
            self._renew(mine, 0, now_us)
        return mine.chance

    def spend(self, campaign: str, micros: int, now_us: int) -> bool:
        """Spend, if the budget has it. False changes nothing."""
        return self.spend_upto(campaign, micros, 1, now_us) == 1

    def room(self, campaign: str, micros: int, count: int, now_us: int) -> int:
        """How many of `count` things of `micros` each the budget has now. Spends nothing."""
        mine = self._open.get(campaign)
        if mine is None or not micros:
            return count
        mine.usual = max(mine.usual, micros)
        short = mine.left < micros * count or now_us >= mine.until_us
        if now_us - mine.at_us >= RENEW_US or (short and now_us - mine.refused_us >= SHORT_US):
            self._renew(mine, micros * count, now_us)
            if mine.left < micros * count:
                mine.refused_us = now_us
        return 0 if now_us >= mine.until_us else min(count, max(0, mine.left // micros))

    def spend_upto(self, campaign: str, micros: int, count: int, now_us: int) -> int:
        """Pay for as many of `count` things of `micros` each as the budget has; returns how many."""
        paid = self.room(campaign, micros, count, now_us)
        mine = self._open.get(campaign)
        if mine is not None:
            mine.left -= paid * micros
            mine.spent += paid * micros
        return paid

    def give_back(self, campaign: str, micros: int, now_us: int) -> None:
        """Put back what was spent on nothing: a bid that lost, the part of a bid above the price."""
        mine = self._open.get(campaign)
        if mine is None:
            return
        if now_us >= mine.until_us:
            self._renew(mine, 0, now_us)
        mine.spent -= micros
        mine.left += micros

    def renew(self, now_us: int) -> None:
        """Tell all spending and renew all leases: to be called twice a second, also when nothing happens."""
        for mine in self._open.values():
            self._renew(mine, 0, now_us)

    def close(self, now_us: int) -> None:
        """Tell all spending and give back the rest. The purse can be used again."""
        for mine in self._open.values():
            self._end(mine, now_us)

    def _renew(self, mine: _Open, need: int, now_us: int) -> None:
        if mine.until_us and now_us >= mine.until_us + GRACE_US // 2:
            self._end(mine, now_us)  # it may be held for dead: begin anew under another name
        after = Counter()

        def make(raw: list[bytes | None]) -> Change:
            nonlocal after
            after = renewed(
                read_counter(raw[0]),
                mine.pace,
                mine.worker,
                day=mine.day,
                spent=mine.spent,
                need=max(need, mine.usual),
                now_us=now_us,
            )
            return Change({key: written(after)})

        key = key_of(mine.pace.campaign)
        self._store.change([key], make)
        held = after.held[mine.worker]
        mine.day, mine.spent = after.day, held.told
        mine.left, mine.until_us = held.granted - held.told, held.until_us
        mine.chance, mine.at_us = after.chance, now_us

    def _end(self, mine: _Open, now_us: int) -> None:
        if not mine.until_us:
            return

        def make(raw: list[bytes | None]) -> Change:
            counter = closed(
                read_counter(raw[0]), mine.pace, mine.worker, day=mine.day, spent=mine.spent, now_us=now_us
            )
            return Change({key: written(counter)})

        key = key_of(mine.pace.campaign)
        self._store.change([key], make)
        self._number += 1
        mine.begin(f"{self._worker}.{self._number}")
