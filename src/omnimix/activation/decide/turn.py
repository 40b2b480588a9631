"""One turn of the online store: read people, decide, write what was decided, all or nothing.

in   requests, the marks of the people they name, an OnlineStore, Serving, a Purse
out  for each request a Made per slot; their journal entries and counters are in the store by then
"""

from collections.abc import Sequence

import msgspec

from omnimix.activation.decide.decide import DICE, Ask, Live, Made, decide_many
from omnimix.activation.decide.decision import Request
from omnimix.activation.decide.decision import packed as entry_of
from omnimix.activation.decide.purse import Purse
from omnimix.activation.decide.serving import Serving
from omnimix.activation.decide.state import alias_key, packed, person_of, state_key, unpacked
from omnimix.store.online.port import Change, OnlineStore


class Named(msgspec.Struct, frozen=True):
    """A request, and the marks of whom it names, the strongest first; profile ids stand for themselves."""

    request: Request
    marks: tuple[str, ...]
    placement: str  # a name that the release has
    robot: bool = False


def people_of(store: OnlineStore, named: Sequence[Named]) -> list[str]:
    """Whom each request means: the first of its marks that the store knows decides; else its first mark."""
    marks = [mark for one in named for mark in one.marks]
    found = iter(store.read([alias_key(mark) for mark in marks])) if marks else iter(())
    people = []
    for one in named:
        known = [value for value in [next(found) for _ in one.marks] if value is not None]
        people.append(known[0].decode() if known else _own(one.marks[0]) if one.marks else "")
    return people


def _own(mark: str) -> str:
    """Whom a mark stands for while the store knows nothing of it. A profile id has no colon."""
    return person_of(mark) if ":" in mark else mark


def take_turn(
    store: OnlineStore,
    serving: Serving,
    named: Sequence[Named],
    *,
    now_us: int,
    dice: bytes,
    stopped: frozenset[str],
    purse: Purse | None,
) -> list[list[Made]]:
    """Decide N requests together. `dice`: at least DICE random bytes for every slot, of all requests.

    What a budget pays for is set aside before and the rest given back after, so that the turn asks nobody. Raises
    Unavailable when the store is full or away: then nothing is decided.
    """
    asks, at = [], 0
    for one, person in zip(named, people_of(store, named), strict=True):
        slots = one.request.slots or serving.placements[one.placement].slots
        asks.append(Ask(one.request, person, one.placement, slots, dice[at : at + DICE * slots], one.robot))
        at += DICE * slots
    live = _live(serving, asks, stopped, purse, now_us)
    people = list(dict.fromkeys([ask.person for ask in asks if ask.person]))
    made: list[list[Made]] = []

    def make(raw: list[bytes | None]) -> Change:
        nonlocal made
        states = {p: unpacked(value, p) for p, value in zip(people, raw, strict=True)}
        made, changed = decide_many(serving, asks, states, now_us, live)
        return Change(
            {state_key(person): packed(state) for person, state in changed.items()},
            [entry_of(one.decided) for slots in made for one in slots],
        )

    store.change([state_key(p) for p in people], make)
    if purse is not None and live.showings:
        _settle(serving, live, made, purse, now_us)
    return made


def _live(
    serving: Serving, asks: Sequence[Ask], stopped: frozenset[str], purse: Purse | None, now_us: int
) -> Live:
    """Budgets set aside for as many showings as there are slots."""
    paying = [s for s in serving.campaigns.values() if s.cost] if purse is not None else []
    if not paying or purse is None:
        return Live(stopped, {}, {s.campaign: 0 for s in serving.campaigns.values() if s.cost})
    slots = sum([ask.slots for ask in asks])
    return Live(
        stopped,
        {s.campaign: purse.chance(s.campaign, now_us) for s in paying},
        {s.campaign: purse.spend_upto(s.campaign, s.cost, slots, now_us) for s in paying},
    )


def _settle(serving: Serving, live: Live, made: list[list[Made]], purse: Purse, now_us: int) -> None:
    used: dict[str, int] = {}
    for slots in made:
        for one in slots:
            if one.decided.cost:
                used[one.decided.campaign] = used.get(one.decided.campaign, 0) + 1
    for campaign, paid in live.showings.items():
        if rest := paid - used.get(campaign, 0):
            purse.give_back(campaign, rest * serving.campaigns[campaign].cost, now_us)
