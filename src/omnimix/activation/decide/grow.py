"""How online state changes: by an event, by a decision, by learning that two people are one.

in   States, Events
out  new States; the ones given stay as they are

`updated` and `merged` are commutative and associative: whatever the order, the same events give the same state
(but see `kept` for who refuses). What a person refuses is not kept: without consent to measurement and
personalisation a state holds nothing but names, consent, suppression and what was decided to show.
"""

from collections.abc import Callable, Collection, Mapping
from operator import itemgetter
from typing import TypeVar

import msgspec

from omnimix.activation.decide.feedback import CLICKED, SHOWN
from omnimix.activation.decide.state import (
    COUNT_DAYS,
    DAY_US,
    MOST_BASKET,
    MOST_BOUGHT,
    MOST_NAMES,
    MOST_PATH,
    MOST_TOUCHES,
    MOST_VIEWS,
    SHOWN_DAYS,
    Consent,
    Engaged,
    Event,
    State,
    Told,
    permits,
)

ORDERED, ADDED, REMOVED = "Order Completed", "Product Added", "Product Removed"
LOOKED = frozenset({"Product Viewed", "Product Clicked", ADDED})
LEFT = {"Unsubscribed": "email", "Email Marked as Spam": "email"}  # event → channel it closes
BEHAVIOUR = ("measurement", "personalisation")  # purposes without which behaviour is not kept
_SHOWN, _CLICKED = frozenset(SHOWN), frozenset(CLICKED)
_STANDING = State.__struct_fields__[1:11]
K = TypeVar("K")
T = TypeVar("T")
Days = dict[str, dict[int, int]]
_by_value = itemgetter(1, 0)


def updated(state: State, event: Event, *, assumed: Collection[str] = BEHAVIOUR) -> State:
    """The state with one event more. `assumed` names purposes granted where nothing was said.

    The same event twice counts twice: whoever calls this takes each event once.
    """
    told, left = state.consents, LEFT.get(event.name, "")
    if event.consents:
        told = dict(told)
        for said in event.consents:
            place = f"{said.purpose} {said.source}"
            told[place] = _told(told.get(place, (0, 0, 0, 0)), said)
    suppressed = state.suppressed
    if left and event.behaviour:
        suppressed = {**suppressed, left: max(event.at_us, suppressed.get(left, 0))}
    new = msgspec.structs.replace(state, consents=told, suppressed=suppressed)
    if not all(permits(new, purpose, assumed) for purpose in BEHAVIOUR):
        return kept(new, assumed=assumed)
    return _behaved(new, event) if event.behaviour else new


def _told(told: Told, said: Consent) -> Told:
    no, yes, first, newest = told
    if not said.granted:
        return max(no, said.at_us), yes, first, newest
    if not said.repeated:
        return no, max(yes, said.at_us), first, newest
    return no, yes, min(first or said.at_us, said.at_us), max(newest, said.at_us)


def kept(state: State, *, assumed: Collection[str]) -> State:
    """The state without behaviour, where the person does not permit keeping it.

    This is where order matters: what came between a refusal and a later grant is gone.
    """
    if all(permits(state, purpose, assumed) for purpose in BEHAVIOUR):
        return state
    blank = State(state.person)
    held = (*_STANDING, "marks", "consents", "suppressed", "shown")
    return msgspec.structs.replace(blank, **{name: getattr(state, name) for name in held})


def _behaved(state: State, event: Event) -> State:
    at, tie, day = event.at_us, event.tie, event.at_us // DAY_US
    before, newest = state.last_us, max(state.last_us, at)
    state.first_us = min(state.first_us or at, at)  # `state` is the copy that `updated` made
    state.last_us = newest
    state.path = _newest((*state.path, (at, tie, event.name)), MOST_PATH)
    if day > newest // DAY_US - COUNT_DAYS:
        of_name = state.counts.get(event.name, {})
        more = {**state.counts, event.name: {**of_name, day: of_name.get(day, 0) + 1}}
        moved = newest // DAY_US > before // DAY_US or len(more) > MOST_NAMES
        state.counts = _pruned(more, newest // DAY_US, COUNT_DAYS) if moved else more
    if event.medium:
        state.touches = _newest((*state.touches, (at, tie, event.medium, event.campaign)), MOST_TOUCHES)
    name = event.name
    if name in LOOKED and event.product:
        view = (at, tie, event.product, event.category, event.price_minor)
        state.views = _newest((*state.views, view), MOST_VIEWS)
    if name == ORDERED:
        state.ordered_us = max(state.ordered_us, at)
        state.bought = _bought(state.bought, dict.fromkeys((event.product, *event.products), at))
        state.basket = _in_basket(state.basket, {}, state.ordered_us)
    elif name in (ADDED, REMOVED) and event.product:
        pieces = event.quantity if name == ADDED else 0
        state.basket = _in_basket(state.basket, {event.product: (at, tie, pieces)}, state.ordered_us)
    elif event.variant and (name in _SHOWN or name in _CLICKED):
        one: Engaged = (1, at, at, 0, 0) if name in _SHOWN else (0, 0, 0, 1, at)
        state.engaged = _engaged(state.engaged, {event.variant: one})
    return state


def merged(one: State, other: State, *, assumed: Collection[str] = BEHAVIOUR) -> State:
    """Both as one person, under the name of the one a run met last, else of the smaller name."""
    first, second = sorted((one, other), key=lambda s: (-s.published_us, s.person))
    newest = max(first.last_us, second.last_us)
    ordered = max(first.ordered_us, second.ordered_us)
    counts = _days_together(first.counts, second.counts)
    gone = {second.person} if second.person != first.person else set()
    both = msgspec.structs.replace(
        first,
        marks=tuple(sorted({*first.marks, *second.marks, *gone} - {first.person})),
        consents=_together(first.consents, second.consents, _told_together),
        suppressed=_together(first.suppressed, second.suppressed, max),
        first_us=min(first.first_us or second.first_us, second.first_us or first.first_us),
        last_us=newest,
        path=_newest((*first.path, *second.path), MOST_PATH),
        counts=_pruned(counts, newest // DAY_US, COUNT_DAYS),
        touches=_newest((*first.touches, *second.touches), MOST_TOUCHES),
        views=_newest((*first.views, *second.views), MOST_VIEWS),
        basket=_in_basket(first.basket, second.basket, ordered),
        ordered_us=ordered,
        bought=_bought(first.bought, second.bought),
        engaged=_engaged(first.engaged, second.engaged),
        shown=_shown_pruned(_days_together(first.shown, second.shown)),
    )
    return kept(both, assumed=assumed)


def decided(state: State, *, campaign: str, channel: str, at_us: int, times: int = 1) -> State:
    """The state after it was decided to show the person something of a campaign in a channel."""
    day = at_us // DAY_US
    shown = state.shown.copy()
    for what in (campaign, f"@{channel}"):
        days = shown[what] = shown.get(what, {}).copy()
        days[day] = days.get(day, 0) + times
    return msgspec.structs.replace(state, shown=_shown_pruned(shown))


def standing(state: State, found: State) -> State:
    """The state with the standing fields of `found`."""
    return msgspec.structs.replace(state, **{name: getattr(found, name) for name in _STANDING})


def _newest(rows: tuple[T, ...], most: int) -> tuple[T, ...]:
    return tuple(sorted(rows, reverse=True)[:most])  # type: ignore[type-var]


def _pruned(counts: Days, newest: int, days: int) -> Days:
    oldest = newest - days
    if min([min(of_name) for of_name in counts.values() if of_name], default=newest) <= oldest:
        cut = {name: {d: n for d, n in of_name.items() if d > oldest} for name, of_name in counts.items()}
        counts = {name: of_name for name, of_name in cut.items() if of_name}
    return _most(counts, lambda item: (max(item[1]), item[0]))


def _shown_pruned(shown: Days) -> Days:
    newest = max([max(days) for days in shown.values() if days], default=0)
    return _pruned(shown, newest, SHOWN_DAYS)


def _days_together(one: Days, other: Days) -> Days:
    return _together(one, other, lambda a, b: _together(a, b, int.__add__))


def _bought(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    both = {product: at for product, at in _together(one, other, max).items() if product}
    if len(both) <= MOST_BOUGHT:
        return both
    return dict(sorted(both.items(), key=_by_value, reverse=True)[:MOST_BOUGHT])


def _in_basket(
    one: Mapping[str, tuple[int, int, int]], other: Mapping[str, tuple[int, int, int]], ordered_us: int
) -> dict[str, tuple[int, int, int]]:
    """The newest word on each product since the last order."""
    both = {product: put for product, put in _together(one, other, max).items() if put[0] > ordered_us}
    if len(both) <= MOST_BASKET:
        return both
    return dict(sorted(both.items(), key=_by_value, reverse=True)[:MOST_BASKET])


def _engaged(one: Mapping[str, Engaged], other: Mapping[str, Engaged]) -> dict[str, Engaged]:
    return _most(_together(one, other, _engaged_twice), lambda item: (max(item[1][2], item[1][4]), item[0]))


def _engaged_twice(a: Engaged, b: Engaged) -> Engaged:
    return (
        a[0] + b[0],
        min(a[1] or b[1], b[1] or a[1]),
        max(a[2], b[2]),
        a[3] + b[3],
        min(a[4] or b[4], b[4] or a[4]),
    )


def _told_together(a: Told, b: Told) -> Told:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2] or b[2], b[2] or a[2]), max(a[3], b[3])


def _together(one: Mapping[K, T], other: Mapping[K, T], both: Callable[[T, T], T]) -> dict[K, T]:
    found = dict(one)
    for key, value in other.items():
        found[key] = both(found[key], value) if key in found else value
    return found


def _most(found: dict[str, T], newest: Callable[[tuple[str, T]], tuple[int, str]]) -> dict[str, T]:
    if len(found) <= MOST_NAMES:
        return found
    return dict(sorted(found.items(), key=newest, reverse=True)[:MOST_NAMES])
