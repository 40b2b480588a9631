"""Decisions: the same alone or together, caps within an answer, rungs by consent, budgets, replays."""

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.decide.decide import DICE, UNKNOWN, Ask, Live, decide_many
from omnimix.activation.decide.decision import Request, packed, unpacked
from omnimix.activation.decide.explain import WORDS, explain, replay
from omnimix.activation.decide.pacing import Pace
from omnimix.activation.decide.release import named
from omnimix.activation.decide.serving import bits, kept, list_of, masks, serving, set_of, unkept
from omnimix.activation.decide.state import DAY_US, State, shown
from omnimix.activation.experiment.eligibility import Eligibility, Reason
from omnimix.activation.experiment.ladder import Ladder, Rung
from omnimix.core.errors import Conflict, InvalidInput, NotFound
from omnimix.testing.decisions import NOW_US, release_of, request_of, state_of

VARIED = serving(release_of(seed=1, campaigns=("autumn", "winter")))
NO_LANES = Ladder(none=0, broad=0, relevant=0, segment=0, sequence=0, moment=0)
ASSUMED = ("advertising", "email", "measurement", "personalisation")
OPEN = Eligibility(impressions_per_week=0)
DICE_OF = random.Random(3)


def plain(**how):
    """A release in which nothing is in the way of anybody."""
    release = release_of(seed=2, ladder=how.pop("ladder", NO_LANES), varied=False, rules=how.pop("rules", OPEN))
    return serving(named(msgspec.structs.replace(release, assumed=ASSUMED, **how)))


def ask(person="p", slots=1, placement="home", robot=False, seed=0, **request):
    dice = random.Random(f"{person}{seed}").randbytes(DICE * slots)
    return Ask(Request(placement, slots=slots, **request), person, placement, slots, dice, robot)


def known(person="p", **fields):
    return State(person, published_us=1, profile_id=person, **{"segment": "loyal", **fields})


@st.composite
def crowds(draw):
    rng = random.Random(draw(st.integers(0, 10**6)))
    people = {f"p{n}": state_of(rng, f"p{n}", campaigns=("autumn", "winter")) for n in range(8)}
    asks = []
    for _ in range(draw(st.integers(1, 12))):
        request = request_of(rng)
        place = request.placement or VARIED.first
        slots = request.slots or VARIED.placements[place].slots
        asks.append(Ask(request, rng.choice(list(people)), place, slots, rng.randbytes(DICE * slots)))
    return people, asks


@given(crowds())
@settings(max_examples=20, deadline=None)
def test_together_and_one_after_the_other_are_the_same(crowd):
    people, asks = crowd
    together, changed = decide_many(VARIED, asks, people, NOW_US, Live())
    now, alone = dict(people), []
    for one in asks:
        made, after = decide_many(VARIED, [one], now, NOW_US, Live())
        now |= after
        alone.append(made[0])
    # Of a person with two requests the slots may come in another order, so only the others are compared.
    many = {a.person for a in asks if [b.person for b in asks].count(a.person) > 1}
    for one, first, second in zip(asks, together, alone, strict=True):
        if one.person not in many:
            assert [m.decided for m in first] == [m.decided for m in second]
            assert changed.get(one.person) == (now[one.person] if one.person in changed else None)


@given(crowds())
@settings(max_examples=20, deadline=None)
def test_every_decision_replays_and_its_explanation_adds_up(crowd):
    people, asks = crowd
    for slots in decide_many(VARIED, asks, people, NOW_US, Live())[0]:
        for made in slots:
            log = unpacked(packed(made.decided))
            assert log == msgspec.structs.replace(made.decided, against=list(made.decided.against))
            again, why = replay(VARIED, log), explain(VARIED, log)
            assert (again.variant or "", again.probability) == (log.variant, log.probability)
            assert sum(again.chances.values()) == pytest.approx(1 if log.eligible else 0)
            if why.score is not None:
                assert sum(points for _name, points in why.contributions) == pytest.approx(why.score, abs=1e-9)
            assert all(words for _variant, words in why.excluded)
            assert len(why.excluded) + len(why.eligible) == unkept(log.pool).bit_count()


def test_the_slots_of_an_answer_differ_and_are_counted():
    made, changed = decide_many(plain(), [ask(slots=4)], {"p": known()}, NOW_US, Live())
    variants = [m.decided.variant for m in made[0]]
    assert len(set(variants)) == 4
    assert shown(changed["p"], "autumn", 1, NOW_US) == 4
    assert shown(changed["p"], "@web", 1, NOW_US) == 4


def test_a_cap_holds_within_one_answer_and_over_requests_of_one_turn():
    ready = plain(rules=Eligibility(impressions_per_week=0, campaign_per_day=3))
    made, _ = decide_many(ready, [ask(slots=2, seed=n) for n in range(3)], {"p": known()}, NOW_US, Live())
    logs = [m.decided for slots in made for m in slots]
    assert sum(log.chosen >= 0 for log in logs) == 3
    assert all(dict(log.against).get(Reason.FREQUENCY_CAP) for log in logs if log.chosen < 0)


def test_who_no_run_has_met_or_refuses_sees_the_broad_creative():
    ready = plain(ladder=Ladder(none=0, broad=0, relevant=0, segment=0, sequence=0, moment=1))
    refuses = {"measurement web": (9, 0, 0, 0)}
    for state, person in ((State("p"), "p"), (known(consents=refuses), "")):
        made, _ = decide_many(ready, [ask()], {"p": state}, NOW_US, Live())
        log = made[0][0].decided
        assert (log.lane, log.rung, log.person) == (UNKNOWN, "broad", person)
        assert log.variant.startswith("broad-")
        assert bool(log.features) == bool(person)
    made, _ = decide_many(
        ready, [ask()], {"p": known(consents={"personalisation web": (9, 0, 0, 0)})}, NOW_US, Live()
    )
    assert (made[0][0].decided.lane, made[0][0].decided.rung) == ("moment", "broad")
    made, _ = decide_many(ready, [ask()], {"p": known()}, NOW_US, Live())
    assert (made[0][0].decided.rung, bool(made[0][0].decided.model)) == ("moment", True)


def test_the_holdout_lane_gets_the_default():
    ready = plain(ladder=Ladder(none=1, broad=0, relevant=0, segment=0, sequence=0, moment=0))
    made, changed = decide_many(ready, [ask()], {"p": known()}, NOW_US, Live())
    assert made[0][0].content == ready.defaults["home"]
    assert made[0][0].why == "the lane gets no message"
    assert not changed


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"robot": True}, Reason.ROBOT),
        ({"consent": {"advertising": False}}, Reason.NO_CONSENT),
        ({"context": {"language": "fr"}}, Reason.LANGUAGE),
    ],
)
def test_each_of_these_leaves_nothing(how, reason):
    ready = plain(ladder=Ladder(none=0, broad=0, relevant=1, segment=0, sequence=0, moment=0))
    made, changed = decide_many(ready, [ask(**how)], {"p": known()}, NOW_US, Live())
    assert made[0][0].decided.chosen == -1
    assert dict(made[0][0].decided.against)[reason] == ready.campaigns["autumn"].sets.everything
    assert not changed


def test_a_stopped_campaign_gives_way_to_another_and_all_stopped_to_the_default():
    asks = [ask(person=f"p{n}") for n in range(40)]
    people = {f"p{n}": known(f"p{n}") for n in range(40)}
    both = serving(
        named(
            msgspec.structs.replace(
                release_of(seed=2, ladder=NO_LANES, varied=False, rules=OPEN, campaigns=("a", "b")),
                assumed=ASSUMED,
            )
        )
    )
    seen = {m[0].decided.campaign for m in decide_many(both, asks, people, NOW_US, Live())[0]}
    assert seen == {"a", "b"}
    made, _ = decide_many(both, asks, people, NOW_US, Live(stopped=frozenset({"a"})))
    assert {m[0].decided.campaign for m in made} == {"b"}
    made, _ = decide_many(both, asks, people, NOW_US, Live(stopped=frozenset({"*"})))
    assert {m[0].decided.chosen for m in made} == {-1}


def test_a_budget_is_never_overspent_in_a_turn_and_a_chance_of_nothing_spends_nothing():
    ready = plain()
    paid = msgspec.structs.replace(ready.release.campaigns[0], pace=Pace("autumn", daily=10**9, cost=500))
    ready = serving(named(msgspec.structs.replace(ready.release, campaigns=(paid,))))
    asks = [ask(person=f"p{n}", slots=2) for n in range(10)]
    people = {f"p{n}": known(f"p{n}") for n in range(10)}
    made, _ = decide_many(ready, asks, people, NOW_US, Live(chance={"autumn": 1.0}, showings={"autumn": 7}))
    logs = [m.decided for slots in made for m in slots]
    assert sum(log.cost for log in logs) == 7 * 500
    assert all(dict(log.against)[Reason.BUDGET] for log in logs if log.chosen < 0)
    made, _ = decide_many(ready, asks, people, NOW_US, Live(chance={"autumn": 0.0}, showings={"autumn": 99}))
    assert not any(m.decided.cost for slots in made for m in slots)


def test_quiet_hours_are_of_the_workspaces_zone_and_dates_are_instants():
    ready = plain(rules=Eligibility(impressions_per_week=0, quiet_hours="14-15"))  # 13:xx UTC is 14:xx in London
    running = ready.release.campaigns[0]
    noon = NOW_US // DAY_US * DAY_US + 12 * DAY_US // 24
    for at, reason in (
        (noon + 3_600_000_000, Reason.QUIET_HOURS),
        (running.ends_us, Reason.DATES),
        (running.starts_us - 1, Reason.DATES),
    ):
        log = decide_many(ready, [ask()], {"p": known()}, at, Live())[0][0][0].decided
        assert reason in dict(log.against), reason
    log = decide_many(ready, [ask()], {"p": known()}, running.starts_us, Live())[0][0][0].decided
    assert Reason.DATES not in dict(log.against)


def test_another_release_or_a_changed_log_is_refused():
    log = decide_many(plain(), [ask()], {"p": known()}, NOW_US, Live())[0][0][0].decided
    with pytest.raises(Conflict, match="was made from release"):
        replay(VARIED, log)
    with pytest.raises(Conflict, match="the variant"):
        replay(plain(), msgspec.structs.replace(log, variant="another"))


def test_every_reason_has_words_and_hours_are_checked():
    assert set(WORDS) == set(Reason)
    for wrong in ("22", "7-7", "24-3", "a-b", "22-7-8"):
        with pytest.raises(InvalidInput, match="no hours"):
            Eligibility(quiet_hours=wrong)
    with pytest.raises(NotFound, match="there are: home, banner, mail"):
        VARIED.placement("nowhere")


@given(st.lists(st.booleans(), max_size=130))
def test_sets_of_places_are_what_masks_say(given_mask):
    mask = np.array(given_mask, dtype=bool)
    places = set_of(mask)
    assert list_of(places) == np.nonzero(mask)[0].tolist()
    assert unkept(kept(places)) == unkept(bits(places)) == places
    assert masks([places, 0], len(mask)).tolist() == [given_mask, [False] * len(mask)]


def test_every_rung_shows_only_its_pool():
    for rung in Rung:
        ladder = Ladder(**{str(r): float(r is rung) for r in Rung})
        people = {f"p{n}": known(f"p{n}") for n in range(20)}
        made, _ = decide_many(plain(ladder=ladder), [ask(person=p) for p in people], people, NOW_US, Live())
        briefs = {m[0].decided.variant.split("-")[0] for m in made}
        assert (
            briefs
            <= {
                Rung.NONE: {""},
                Rung.BROAD: {"broad"},
                Rung.RELEVANT: {"broad"},
                Rung.SEGMENT: {"loyal"},
                Rung.SEQUENCE: {"loyal"},
                Rung.MOMENT: {"broad", "loyal"},
            }[rung]
        )
