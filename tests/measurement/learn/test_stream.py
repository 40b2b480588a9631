"""Sums for the moment model: any order, any batches, amendments, and a fresh start come to the same."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.decide.feature import UNIT
from omnimix.core.errors import InvalidInput
from omnimix.measurement.learn.stream import Sums, from_bytes, nothing, summed, to_bytes, weighed

V, F = 3, 4


def log(seed: int, count: int = 60) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x = (np.rint(rng.uniform(-1, 1, (count, F)) / UNIT) * UNIT).astype(np.float32)
    reward = np.where(rng.random(count) < 0.3, rng.lognormal(7, 1, count), 0.0)
    return x, rng.integers(0, V, count), reward, rng.integers(20_000, 20_006, count)


def same(one: Sums, other: Sums) -> bool:
    return to_bytes(one) == to_bytes(other)


@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=25, deadline=None)
def test_batches_in_any_order_are_a_fresh_start(seed: int, cuts: list[int]) -> None:
    parts = log(seed)
    whole = summed(*parts, variants=V)
    edges = [0, *sorted(cuts), 60]
    batches = [summed(*(p[a:b] for p in parts), variants=V) for a, b in pairwise(edges)]
    order = np.random.default_rng(seed).permutation(len(batches))
    found = nothing(V, F)
    for i in order:
        found = found + batches[i]
    assert same(found, whole)
    known, today = np.array([0.4, 0.7, 0.9]), 20_006
    one, other = (weighed(s, today=today, known=known, keep=0.97) for s in (found, whole))
    assert (one.gram == other.gram).all()
    assert (one.cross == other.cross).all()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_margin_known_later_amends(seed: int) -> None:
    x, place, reward, day = log(seed)
    early = np.where(np.arange(60) % 2, reward, 0.0)
    before, after = summed(x, place, early, day, variants=V), summed(x, place, reward, day, variants=V)
    rows = np.nonzero(early != reward)[0]
    part = (x[rows], place[rows])
    amended = before - summed(*part, early[rows], day[rows], variants=V)
    amended = amended + summed(*part, reward[rows], day[rows], variants=V)
    assert same(amended, after)
    assert same(after - after, nothing(V, F))


def test_sums_are_those_of_a_slow_loop() -> None:
    x, place, reward, day = log(5)
    sums = weighed(summed(x, place, reward, day, variants=V), today=20_005, known=np.array([0.5]), keep=0.9)
    gram, cross, count = np.zeros((V, F, F)), np.zeros((V, F)), np.zeros(V)
    for row, v, r, d in zip(x.astype(float), place, reward, day, strict=True):
        past = 0.9 ** (20_005 - d)
        share = past * (0.5 if d == 20_005 else 1.0)
        gram[v] += share * np.outer(row, row)
        cross[v] += past * row * r
        count[v] += share
    assert sums.gram == pytest.approx(gram)
    assert sums.cross == pytest.approx(cross, rel=1e-4, abs=1.0)  # rewards in 64ths
    assert sums.count == pytest.approx(count)


def test_bytes_and_back() -> None:
    sums = summed(*log(6), variants=V)
    assert same(from_bytes(to_bytes(sums)), sums)


def test_refused() -> None:
    x, place, reward, day = log(7)
    with pytest.raises(InvalidInput, match="never makes"):
        summed(x * 3, place, reward, day, variants=V)
    with pytest.raises(InvalidInput, match="never makes"):
        summed(x + np.float32(1e-5), place, reward, day, variants=V)
    with pytest.raises(InvalidInput, match="place"):
        summed(x, place + 1, reward, day, variants=V)
    with pytest.raises(InvalidInput, match="other variants"):
        nothing(V, F) + nothing(V + 1, F)
