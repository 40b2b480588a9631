"""The moment model served: chances that add up, alone as in a batch, to the last bit; contributions that sum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.decide.feature import UNIT, FeatureRules
from omnimix.activation.decide.moment import (
    Moment,
    chances,
    chances_many,
    contributions,
    from_bytes,
    moment_of,
    scores,
    to_bytes,
)
from omnimix.core.errors import InvalidInput

RULES = FeatureRules(features={}, interactions=())


def made(seed: int, variants: int = 5, features: int = 7, draws: int = 64, *, floor: float = 0.01) -> Moment:
    rng = np.random.default_rng(seed)
    mean = rng.normal(50, 20, (variants, features))
    drawn = mean + rng.normal(0, 15, (draws, variants, features))
    names = [f"f{i}" for i in range(features)]
    return moment_of(RULES, names, [f"v{i}" for i in range(variants)], mean, drawn, floor=floor)


def contexts(seed: int, count: int, features: int = 7) -> np.ndarray:
    x = np.rint(np.random.default_rng(seed).uniform(-1, 1, (count, features)) / UNIT) * UNIT
    x[:, 0] = 1
    return x.astype(np.float32)


@given(seed=st.integers(0, 10_000), variants=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_chances_alone_and_in_a_batch(seed: int, variants: int) -> None:
    moment = made(seed, variants)
    x = contexts(seed, 12)
    masks = np.random.default_rng(seed).random((12, variants)) < 0.6
    many = chances_many(moment, x, masks)
    for i in range(12):
        columns = masks[i].nonzero()[0]
        one = chances(moment, x[i], columns)
        assert (many[i, columns] == one).all()  # to the last bit
        assert (many[i, ~masks[i]] == 0).all()
        if len(columns):
            assert one.sum() == pytest.approx(1, abs=1e-12)
            assert (one >= moment.floor / len(columns) - 1e-15).all()


def test_chances_are_shares_of_draws_in_which_a_variant_is_best() -> None:
    moment, x = made(3, floor=0.0), contexts(3, 1)[0]
    columns = np.array([0, 2, 4])
    drawn = (x.astype(np.float64) @ moment.draws).reshape(5, -1)[columns]
    slow = [sum(drawn[:, k].argmax() == v for k in range(64)) / 64 for v in range(3)]
    assert chances(moment, x, columns).tolist() == slow


def test_additions_in_another_order_change_nothing() -> None:
    moment, x = made(4, features=40), contexts(4, 1, 40)[0].astype(np.float64)
    order = np.random.default_rng(1).permutation(40)
    assert (x @ moment.draws == x[order] @ moment.draws[order]).all()
    assert (x @ moment.mean.T == [sum(a * b for a, b in zip(x, row, strict=True)) for row in moment.mean]).all()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_contributions_sum_to_the_score(seed: int) -> None:
    moment, x = made(seed), contexts(seed, 1)[0]
    for variant, score in enumerate(scores(moment, x).tolist()):
        parts = contributions(moment, x, variant)
        assert sum(points for _name, points in parts) == score
        assert [abs(p) for _n, p in parts] == sorted((abs(p) for _n, p in parts), reverse=True)
    assert (scores(moment, x[None]) == scores(moment, x)).all()


def test_rounding_is_finer_than_anything_that_matters() -> None:
    rng = np.random.default_rng(8)
    mean = rng.normal(50, 20, (5, 7))
    moment = moment_of(RULES, [f"f{i}" for i in range(7)], list("abcde"), mean, mean[None] + 1)
    assert np.abs(moment.mean - mean).max() < 1e-5


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_bytes_and_back(seed: int) -> None:
    moment = made(seed)
    back = from_bytes(to_bytes(moment))
    assert back.version == moment.version == made(seed).version
    assert (back.draws == moment.draws).all()
    assert (back.mean == moment.mean).all()
    assert (back.features, back.variants, back.rules, back.floor) == (
        moment.features,
        moment.variants,
        moment.rules,
        moment.floor,
    )
    assert made(seed + 1).version != moment.version


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no moment model"):
        from_bytes(b"nothing of the kind")
    with pytest.raises(InvalidInput, match="draws"):
        moment_of(RULES, ["a"], ["v"], np.zeros((1, 1)), np.zeros((3, 2, 1)))
    with pytest.raises(InvalidInput, match="floor"):
        moment_of(RULES, ["a"], ["v"], np.zeros((1, 1)), np.zeros((3, 1, 1)), floor=2)


def test_equal_variants_share_evenly() -> None:
    same = np.ones((4, 3))
    moment = moment_of(RULES, list("abc"), list("wxyz"), same, np.repeat(same[None], 8, axis=0))
    assert chances(moment, np.ones(3, np.float32), np.arange(4)).tolist() == [0.25] * 4
