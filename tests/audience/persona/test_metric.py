"""What may be said: every sentence is whole, and none claims more than behaviour shows."""

import re

import numpy as np

from omnimix.audience.persona.metric import metrics
from omnimix.audience.persona.persona import Kind
from omnimix.audience.segment.matrix import matrix


def test_sentences_take_both_figures_and_speak_carefully(feature_table) -> None:
    rows = matrix(
        feature_table(2, {"category_share": [[("Bags", 1.0)], []], "medium_share": [[("email", 1.0)], []]})
    )
    every = metrics(rows)
    counted = {Kind.MOMENT, Kind.WORD, Kind.OBJECTION, Kind.JOURNEY, Kind.VALUE}  # not from feature rows
    assert {m.kind for m in every} == set(Kind) - counted
    assert len({m.name for m in every}) == len(every)
    for metric in every:
        for side in filter(None, (metric.above, metric.below)):
            assert side.text.count("{value}") == side.text.count("{base}") == 1
            assert side.text.endswith("among all customers.")
            if metric.kind in (Kind.MOTIVATION, Kind.GOAL):
                assert "seem" in side.text, "a motive is inferred, not known"
        assert not metric.plain or re.fullmatch(r".*\{value\}.*\.", metric.plain)


def test_a_metric_speaks_only_of_those_it_fits(feature_table) -> None:
    rows = matrix(
        feature_table(
            3, {"orders": [0, 2, 1], "carts": [1, 1, 0], "medium_share": [[("email", 1.0)], [], [("cpc", 1.0)]]}
        )
    )
    by_name = {m.name: m for m in metrics(rows)}
    applies = {name: m.applies(rows).tolist() for name, m in by_name.items()}
    assert applies["average order"] == [False, True, True]
    assert applies["share with a filled basket and no order"] == [True, True, False]
    assert applies["share of visits through email"] == [True, False, True]
    left = by_name["share with a filled basket and no order"].values(rows)
    assert np.array_equal(left[applies["share with a filled basket and no order"]], [1.0, 0.0])


def test_seasons_need_two_years_of_history(feature_table) -> None:
    def speaks_of_seasons(days: int) -> bool:
        rows = matrix(feature_table(2, {"tenure_days": [10, days]}))
        return any("between" in m.name for m in metrics(rows))

    assert not speaks_of_seasons(373)
    assert speaks_of_seasons(730)
