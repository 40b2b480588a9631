"""Features: bounded, whole multiples, never sensitive, clear refusals."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.decide.feature import (
    MOST_COLUMNS,
    STANDARD,
    UNIT,
    Feature,
    FeatureRules,
    compiled,
    with_levels,
)
from omnimix.activation.decide.state import DAY_US, State
from omnimix.core.errors import InvalidInput

KNOWN = {"state.segment": ["early", "late"], "state.stage": ["prospect", "loyal"]}
NOON = 20_000 * DAY_US + 12 * 3_600_000_000  # a Friday, UTC
numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.integers(-(10**9), 10**9))


def vector(rules: FeatureRules, state: State, context: dict[str, Any] | None = None) -> dict[str, float]:
    made = compiled(rules)
    x = made.vector(state, context or {}, NOON)
    return dict(zip(made.names, x.tolist(), strict=True))


def test_standard_features_of_a_known_person() -> None:
    day = NOON // DAY_US
    state = State(
        "p",
        profile_id="p",
        segment="late",
        stage="odd",
        traits={"p_buy": 0.75},
        last_us=NOON - 3 * DAY_US,
        counts={"Product Viewed": {day: 2, day - 6: 1, day - 7: 50}},
        basket={"a": (1, 1, 2), "b": (1, 1, 0)},
    )
    x = vector(with_levels(FeatureRules(), KNOWN), state, {"device": "mobile", "page": "/"})
    on = {n for n, v in x.items() if v == 1}
    assert {"always", "device=mobile", "daypart=afternoon", "segment=late", "known"} <= on
    assert "device=mobile × daypart=afternoon" in on
    assert x["stage=prospect"] == x["stage=loyal"] == 0  # a stage that nobody declared
    assert x["p_buy"] == 0.5
    assert x["basket"] == pytest.approx(2 / 5 * 2 - 1, abs=UNIT)
    assert x["views"] == pytest.approx(np.log1p(3) / np.log1p(30) * 2 - 1, abs=UNIT)
    assert x["since order"] == 0  # unknown: the middle


@given(value=numbers, low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6), log=st.booleans())
@settings(max_examples=25, deadline=None)
def test_numbers_stay_in_bounds_in_whole_units(value: float | None, low: float, width: float, log: bool) -> None:
    rules = FeatureRules(
        features={"n": Feature(source="trait.n", low=low, high=low + width, log=log), "m": STANDARD["p_buy"]},
        interactions=(("n", "m"),),
    )
    traits = {"p_buy": 0.3} if value is None else {"n": value, "p_buy": 0.3}
    made = compiled(rules)
    x = made.vector(State("p", traits=traits), {}, NOON)
    assert x.shape == (4,)
    assert x.dtype == np.float32
    assert (np.abs(x) <= 1).all()
    assert (np.rint(x / UNIT) * UNIT == x).all()
    assert made.names == ("always", "n", "m", "n × m")
    assert made.classes == ("", "n", "m", "n × m")


@given(low=st.floats(-100, 100), width=st.floats(0.1, 100), a=st.floats(-200, 200), b=st.floats(-200, 200))
@settings(max_examples=25, deadline=None)
def test_numbers_keep_their_order(low: float, width: float, a: float, b: float) -> None:
    rules = FeatureRules(features={"n": Feature(source="context.n", low=low, high=low + width)}, interactions=())
    one, other = (vector(rules, State("p"), {"n": v})["n"] for v in sorted((a, b)))
    assert one <= other


def test_time_is_meant_in_the_workspace() -> None:
    rules = FeatureRules(
        features={
            "hour": Feature(source="time.hour", low=0, high=24),
            "weekend": Feature(source="time.weekend", kind="flag"),
            "day": Feature(source="time.weekday", kind="level", levels=("friday", "saturday")),
        },
        interactions=(),
    )
    late = compiled(rules, timezone="Pacific/Auckland").vector(State("p"), {}, NOON)  # 01:00 on Saturday there
    assert late.tolist() == pytest.approx([1, 1 / 12 - 1, 1, 0, 1], abs=UNIT)


@pytest.mark.parametrize(
    ("name", "feature", "said"),
    [
        ("gender", {"source": "context.gender", "kind": "level", "levels": ("a",)}, "sensitive"),
        ("g", {"source": "trait.pregnant", "kind": "flag"}, "sensitive"),
        ("language", {"source": "context.language", "kind": "level", "levels": ("de",)}, "sensitive"),
        ("c", {"source": "context.category", "kind": "level", "levels": ("diabetes medication",)}, "sensitive"),
        ("n", {"source": "nowhere.at_all"}, "is no source"),
        ("n", {"source": "state.shoe"}, "there is no"),
        ("n", {"source": "count.product_viewed"}, "no event and days"),
        ("n", {"source": "count.product_viewed.90"}, "no event and days"),
        ("n", {"source": "trait.n", "low": 2.0, "high": 1.0}, "bounds"),
        ("n", {"source": "trait.n", "low": float("nan")}, "bounds"),
        ("n", {"source": "trait.n", "levels": ("a",)}, "no levels"),
        ("n", {"source": "trait.n", "kind": "level", "levels": ("a", "a")}, "twice"),
    ],
)
def test_refused(name: str, feature: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        FeatureRules(features={name: Feature(**feature)}, interactions=())


def test_interactions_are_of_declared_features_and_not_too_many() -> None:
    wide = {n: Feature(source=f"context.{n}", kind="level", levels=tuple(map(str, range(40)))) for n in "ab"}
    with pytest.raises(InvalidInput, match="no declared feature"):
        FeatureRules(features=wide, interactions=(("a", "z"),))
    with pytest.raises(InvalidInput, match=f"at most {MOST_COLUMNS}"):
        compiled(FeatureRules(features=wide, interactions=(("a", "b"),)))
