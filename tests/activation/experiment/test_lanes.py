"""Lanes: shares, stability, independence of order."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.experiment.ladder import FOLLOW, Ladder, Rung
from omnimix.activation.experiment.lanes import HOME, assignments, lane, lanes, slices
from omnimix.core.errors import InvalidInput
from omnimix.store.facts import ASSIGNMENT

RUNGS = [str(r) for r in Rung]
PEOPLE = [f"p{i}" for i in range(4000)]


@st.composite
def ladders(draw, most=1.0):
    weights = [draw(st.floats(0, 1)) for _ in RUNGS]
    whole = draw(st.floats(0, 1))
    total = sum(weights) or 1.0
    return Ladder(**{r: min(most, whole * w / total) for r, w in zip(RUNGS, weights, strict=True)})


def widths(ladder):
    cut = slices(ladder)
    ends = [start for start, _ in cut[1:]] + [1.0]
    found = dict.fromkeys([*RUNGS, FOLLOW], 0.0)
    for (start, name), end in zip(cut, ends, strict=True):
        found[name] += end - start
    return found


@given(ladders())
@settings(max_examples=60)
def test_every_lane_gets_exactly_its_share_of_the_line(ladder):
    starts = [start for start, _ in slices(ladder)]
    assert starts[0] == 0
    assert starts == sorted(starts)
    assert widths(ladder) == pytest.approx(ladder.shares(), abs=1e-9)


@given(ladders(most=HOME), st.sampled_from(RUNGS), st.floats(0, 1))
@settings(max_examples=25)
def test_changing_one_share_moves_people_between_it_and_follow_only(ladder, changed, part):
    others = sum(s for r, s in ladder.shares().items() if r not in (changed, FOLLOW))
    share = min(HOME, 1 - others) * part
    after = Ladder(**{r: share if r == changed else ladder.shares()[r] for r in RUNGS})
    for was, now in zip(lanes(PEOPLE[:500], ladder, salt="s"), lanes(PEOPLE[:500], after, salt="s"), strict=True):
        assert was == now or {was, now} == {changed, FOLLOW}


@given(ladders(), st.permutations(list(range(12))))
@settings(max_examples=25)
def test_a_lane_depends_on_nobody_else(ladder, order):
    alone = [lane(PEOPLE[i], ladder, salt="s") for i in order]
    assert lanes([PEOPLE[i] for i in order], ladder, salt="s") == alone


def test_shares_match_in_the_large():
    ladder = Ladder()
    found = lanes([f"q{i}" for i in range(50_000)], ladder, salt="x")
    for name, share in ladder.shares().items():
        spread = (share * (1 - share) / 50_000) ** 0.5
        assert abs(found.count(name) / 50_000 - share) < 4 * spread


def test_another_salt_gives_unrelated_lanes():
    a = np.array(lanes(PEOPLE, Ladder(), salt="a"))
    b = np.array(lanes(PEOPLE, Ladder(), salt="b"))
    by_chance = sum(s**2 for s in Ladder().shares().values())
    assert abs((a == b).mean() - by_chance) < 4 * (by_chance * (1 - by_chance) / len(PEOPLE)) ** 0.5


def test_lanes_are_fixed_for_ever():
    """These were computed once; a change of the hash or the cut would restart every running experiment."""
    assert [lane(f"p{i}", Ladder(), salt="omnimix") for i in range(6)] == [
        "broad",
        "segment",
        "sequence",
        "broad",
        "follow",
        "follow",
    ]


def test_assignments_follow_the_members_row_by_row():
    members = pa.table(
        {
            "profile_id": PEOPLE[:50],
            "segment": ["a", "b"] * 25,
            "as_of": pa.array([datetime(2026, 11, 1)] * 50, pa.timestamp("us")),
        }
    )
    made = assignments(members, campaign="c", ladder=Ladder(), salt="s", simulated=True)
    assert made.schema.equals(ASSIGNMENT.to_pyarrow())
    assert made["profile_id"].to_pylist() == PEOPLE[:50]
    assert made["segment"].to_pylist() == ["a", "b"] * 25
    assert made["lane"].to_pylist() == lanes(PEOPLE[:50], Ladder(), salt="s")
    assert set(made["simulated"].to_pylist()) == {True}
    again = assignments(members, campaign="another", ladder=Ladder(), salt="s", simulated=False)
    assert again["lane"].equals(made["lane"])  # the same lane in every campaign
    assert assignments(members.slice(0, 0), campaign="c", ladder=Ladder(), salt="s", simulated=True).num_rows == 0


def test_shares_that_do_not_fit_are_refused():
    with pytest.raises(InvalidInput, match="at most 1"):
        Ladder(none=0.6, broad=0.6)
