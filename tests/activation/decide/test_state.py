"""Online state: the same events give the same state, in whatever order and parts they come."""

import itertools
import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.decide.grow import BEHAVIOUR, decided, merged, standing, updated
from omnimix.activation.decide.state import (
    COUNT_DAYS,
    DAY_US,
    MOST_PATH,
    Consent,
    Event,
    State,
    basket,
    categories,
    count,
    is_suppressed,
    packed,
    permits,
    person_of,
    shown,
    unpacked,
)

T0 = 20_000 * DAY_US
NAMES = (
    "Product Viewed",
    "Product Added",
    "Product Removed",
    "Order Completed",
    "Ad Viewed",
    "Ad Clicked",
    "Email Opened",
    "Unsubscribed",
    "Page Viewed",
)
moments = st.integers(0, 45 * 24).map(lambda hours: T0 + hours * DAY_US // 24)
consents = st.builds(
    Consent,
    purpose=st.sampled_from(["email", "advertising"]),
    source=st.sampled_from(["live", "tcf"]),
    at_us=moments,
    granted=st.booleans(),
    repeated=st.booleans(),
)
events = st.builds(
    Event,
    event_id=st.uuids().map(str),
    name=st.sampled_from(NAMES),
    at_us=moments,
    product=st.sampled_from(["", "P1", "P2"]),
    category=st.sampled_from(["", "Kitchen"]),
    price_minor=st.integers(0, 900),
    quantity=st.integers(1, 3),
    medium=st.sampled_from(["", "cpc"]),
    variant=st.sampled_from(["", "v1", "v2"]),
    consents=st.lists(consents, max_size=2).map(tuple),
    behaviour=st.sampled_from([True, True, True, False]),
)


def state_of(found: list[Event], person: str = "p", assumed: tuple[str, ...] = BEHAVIOUR) -> State:
    state = State(person, marks=("anon:1",))
    for event in found:
        state = updated(state, event, assumed=assumed)
    return state


@given(st.lists(events, max_size=12), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_state(found: list[Event], rng: random.Random) -> None:
    shuffled = found[:]
    rng.shuffle(shuffled)
    assert state_of(shuffled) == state_of(found)


@given(st.lists(st.lists(events, max_size=5), min_size=3, max_size=3))
def test_parts_merge_in_any_order_to_the_state_of_all(parts: list[list[Event]]) -> None:
    names = ("pf_a", "pf_b", "pf_c")
    states = [state_of(part, name) for part, name in zip(parts, names, strict=True)]
    whole = state_of([e for part in parts for e in part], "pf_a")
    for one, other, third in itertools.permutations(states):
        found = merged(merged(one, other), third)
        assert found.person == "pf_a"
        assert set(found.marks) == {"anon:1", "pf_b", "pf_c"}
        assert msgspec.structs.replace(found, marks=whole.marks) == whole


@given(st.lists(events, max_size=12))
def test_states_survive_packing_and_change_nothing_given(found: list[Event]) -> None:
    state = state_of(found)
    before = packed(state)
    for event in found[:2]:
        updated(state, event)
        merged(state, state_of([event], "q"))
        decided(state, campaign="spring", channel="email", at_us=T0)
    assert packed(state) == before
    assert unpacked(before) == state


@given(st.lists(events, max_size=12), st.integers(1, COUNT_DAYS))
def test_counts_are_those_of_a_slow_oracle(found: list[Event], days: int) -> None:
    state = state_of(found)
    mine = [e for e in found if e.behaviour]
    now = max((e.at_us for e in mine), default=T0)
    oldest = now // DAY_US - days
    for name in NAMES:
        assert count(state, name, days, now) == sum(e.name == name and e.at_us // DAY_US > oldest for e in mine)
    newest = sorted(((e.at_us, e.tie, e.name) for e in mine), reverse=True)
    assert list(state.path) == newest[:MOST_PATH]
    last = max((e.at_us for e in mine if e.name == "Order Completed"), default=0)
    lying: dict[str, tuple[int, int, int]] = {}
    for e in mine:
        if e.product and e.at_us > last and e.name in ("Product Added", "Product Removed"):
            put = (e.at_us, e.tie, e.quantity if e.name == "Product Added" else 0)
            lying[e.product] = max(lying.get(e.product, put), put)
    assert basket(state) == {p: n for p, (_, _, n) in lying.items() if n}


@given(st.lists(st.tuples(st.sampled_from(["spring", "summer"]), st.integers(0, 40)), max_size=12), st.randoms())
def test_decisions_count_in_any_order_and_old_ones_go(told: list[tuple[str, int]], rng: random.Random) -> None:
    def after(rows: list[tuple[str, int]]) -> State:
        state = State("p")
        for campaign, day in rows:
            state = decided(state, campaign=campaign, channel="email", at_us=T0 + day * DAY_US)
        return state

    shuffled = told[:]
    rng.shuffle(shuffled)
    state = after(told)
    assert after(shuffled) == state
    now = T0 + max((day for _, day in told), default=0) * DAY_US
    today = now // DAY_US
    within = [c for c, day in told if T0 // DAY_US + day > today - 7]
    assert shown(state, "spring", 7, now) == within.count("spring")
    assert shown(state, "@email", 7, now) == len(within)


def says(purpose: str, at: int, granted: bool, source: str = "live", repeated: bool = False) -> Event:
    said = Consent(purpose, source, T0 + at, granted, repeated)
    return Event(f"e{at}", "Page Viewed", T0 + at, consents=(said,))


def test_the_newest_word_counts_and_a_tie_refuses() -> None:
    assert permits(State("p"), "email", {"email"})
    assert not permits(State("p"), "email", set())
    state = state_of([says("email", 5, True), says("email", 3, False)])
    assert permits(state, "email", set())
    assert not permits(state_of([says("email", 5, True), says("email", 5, False)]), "email", {"email"})


def test_a_grant_sent_along_does_not_outlive_a_later_refusal() -> None:
    along = [says("email", at, True, repeated=True) for at in (1, 2, 9)]
    assert permits(state_of(along), "email", set())
    assert not permits(state_of([*along, says("email", 5, False, source="crm")]), "email", set())
    assert permits(state_of([*along, says("email", 5, False)]), "email", set())  # the same source says yes again


def test_who_refuses_is_not_kept() -> None:
    view = Event("v", "Product Viewed", T0 + 1, product="P1", category="Kitchen")
    state = decided(state_of([view]), campaign="spring", channel="email", at_us=T0)
    assert categories(state) == {"Kitchen": 1}
    refused = updated(state, says("personalisation", 2, False))
    assert (refused.path, refused.views, refused.counts, refused.last_us) == ((), (), {}, 0)
    assert (refused.marks, refused.shown) == (state.marks, state.shown)
    assert not updated(refused, view).views
    assert not merged(refused, state).views
    again = updated(refused, says("personalisation", 3, True))
    assert updated(again, view).views


def test_nothing_is_kept_of_who_was_not_asked_where_that_is_the_law() -> None:
    view = Event("v", "Product Viewed", T0 + 1, product="P1")
    assert not state_of([view], assumed=()).views
    asked = [says("personalisation", 0, True), says("measurement", 0, True), view]
    assert state_of(asked, assumed=()).views


def test_suppression_ends_with_a_new_subscription() -> None:
    gone = state_of([Event("u", "Unsubscribed", T0 + 5)])
    assert is_suppressed(gone, "email")
    assert not is_suppressed(gone, "web")
    assert not is_suppressed(updated(gone, says("email", 6, True)), "email")
    assert is_suppressed(updated(gone, says("email", 4, True)), "email")


def test_standing_fields_are_replaced_and_nothing_else() -> None:
    live = state_of([Event("v", "Product Viewed", T0 + 1, product="P1")])
    found = State("q", published_us=9, profile_id="pf_1", segment="gifts", traits={"p_buy": 0.5}, marks=("x",))
    both = standing(live, found)
    assert (both.person, both.segment, both.traits) == ("p", "gifts", {"p_buy": 0.5})
    assert (both.views, both.marks) == (live.views, live.marks)


def test_a_mark_has_the_profile_id_that_a_run_would_give_it() -> None:
    assert person_of("anon:1").startswith("pf_")
