"""Partial pooling: closed forms in toy cases, both limits, and recovery of a planted truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.decide.pooling import (
    Prior,
    belief,
    even_ahead,
    fitted_prior,
    noise_variance,
    posterior,
    prior_snapshot,
    scaled_prior,
)
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import InvalidInput

FIXED = Prior(mean=100, mean_sd=50, segment_sd=20, variant_sd=10, cell_sd=5, noise_sd=30, spread=0)


def rewards(rng, counts, truth, sd):
    sums, squares = np.zeros(truth.shape), np.zeros(truth.shape)
    for place in np.ndindex(*truth.shape):
        drawn = rng.normal(truth[place], sd, int(counts[place]))
        sums[place], squares[place] = drawn.sum(), (drawn**2).sum()
    return sums, squares


@st.composite
def tables(draw):
    segments, variants = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    counts = rng.integers(0, 40, (segments, variants)).astype(float)
    counts[rng.random(counts.shape) < 0.3] = 0
    sums, squares = rewards(rng, counts, rng.normal(100, 20, counts.shape), 30)
    return counts, sums, squares


def dense(counts, sums, noise, prior):
    """The same posterior by brute force: condition one big Gaussian over all cells on the cell means."""
    segments, variants = counts.shape
    cells = [(s, v) for s in range(segments) for v in range(variants)]
    covariance = np.array(
        [
            [
                prior.mean_sd**2
                + prior.segment_sd**2 * (a[0] == b[0])
                + prior.variant_sd**2 * (a[1] == b[1])
                + prior.cell_sd**2 * (a == b)
                for b in cells
            ]
            for a in cells
        ]
    )
    lead = np.array([prior.mean + (prior.leads[v] if prior.leads else 0) for _, v in cells])
    seen = [i for i, c in enumerate(cells) if counts[c] > 0]
    if not seen:
        return lead.reshape(counts.shape), covariance, cells
    error = np.diag([noise[cells[i][0]] / counts[cells[i]] for i in seen])
    gain = covariance[:, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)] + error)
    means = np.array([sums[cells[i]] / counts[cells[i]] for i in seen])
    mean = lead + gain @ (means - lead[seen])
    return mean.reshape(counts.shape), covariance - gain @ covariance[seen], cells


@given(tables(), st.booleans())
def test_it_is_the_posterior_of_one_big_gaussian(table, with_leads):
    counts, sums, squares = table
    leads = tuple(np.linspace(-8, 8, counts.shape[1])) if with_leads else ()
    prior = Prior(
        mean=100, mean_sd=50, segment_sd=20, variant_sd=10, cell_sd=5, noise_sd=30, spread=0, leads=leads
    )
    mean, covariance = posterior(counts, sums, squares, prior)
    expected, whole, cells = dense(counts, sums, noise_variance(counts, sums, squares, prior), prior)
    assert mean == pytest.approx(expected, rel=1e-6)
    for s in range(counts.shape[0]):
        mine = [i for i, c in enumerate(cells) if c[0] == s]
        assert covariance[s] == pytest.approx(whole[np.ix_(mine, mine)], rel=1e-6, abs=1e-6)


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_segments_and_variants_does_not_matter(table, shuffler):
    counts, sums, squares = table
    rows, columns = list(range(counts.shape[0])), list(range(counts.shape[1]))
    shuffler.shuffle(rows)
    shuffler.shuffle(columns)
    place = np.ix_(rows, columns)
    mean, covariance = posterior(counts, sums, squares, FIXED)
    moved, turned = posterior(counts[place], sums[place], squares[place], FIXED)
    assert moved == pytest.approx(mean[place])
    assert turned == pytest.approx(covariance[np.ix_(rows, columns, columns)])


@given(tables())
def test_fitted_or_not_the_covariance_is_one(table):
    for prior in (FIXED, scaled_prior(100, 30)):
        mean, covariance = posterior(*table, prior)
        assert np.isfinite(mean).all()
        assert covariance == pytest.approx(np.swapaxes(covariance, 1, 2))
        assert np.linalg.eigvalsh(covariance).min() > -1e-6


@given(tables(), st.floats(0, 1000))
def test_what_the_future_resolves_lies_between_nothing_and_everything(table, people):
    counts, sums, squares = table
    ahead = even_ahead(np.full(counts.shape[0], people), counts.shape[1], 3)
    found = belief(counts, sums, squares, FIXED, ahead=ahead)
    size = np.abs(found.covariance).max()
    assert np.linalg.eigvalsh(found.reachable).min() > -1e-9 * size
    assert np.linalg.eigvalsh(found.covariance - found.reachable).min() > -1e-9 * size
    if people == 0:
        assert found.reachable == pytest.approx(0, abs=1e-9 * size)
    endless = belief(counts, sums, squares, FIXED, ahead=ahead + 1e12)
    assert endless.reachable == pytest.approx(endless.covariance, rel=1e-3, abs=1e-6 * size)


def test_no_pooling_and_complete_pooling_are_the_limits():
    rng = np.random.default_rng(1)
    counts = np.array([[50.0, 60.0, 70.0], [40.0, 0.0, 90.0]])
    sums, squares = rewards(rng, counts, np.array([[100, 130, 90], [80, 0, 120.0]]), 30)
    wide = Prior(mean=0, mean_sd=1e4, segment_sd=1e4, variant_sd=1e4, cell_sd=1e4, noise_sd=30, spread=0)
    apart, _ = posterior(counts, sums, squares, wide)
    seen = counts > 0
    assert apart[seen] == pytest.approx((sums / np.maximum(counts, 1))[seen], rel=1e-3)
    tight = Prior(mean=0, mean_sd=1e4, segment_sd=0, variant_sd=1e4, cell_sd=0, noise_sd=30, spread=0)
    together, _ = posterior(counts, sums, squares, tight)
    noise = noise_variance(counts, sums, squares, tight)[:, None]
    weighted = (sums / noise).sum(0) / (counts / noise).sum(0)
    assert together == pytest.approx(np.broadcast_to(weighted, counts.shape), rel=1e-3)


def test_one_cell_is_the_textbook_normal():
    prior = Prior(mean=10, mean_sd=3, segment_sd=0, variant_sd=0, cell_sd=4, noise_sd=2, spread=0)
    counts, sums = np.array([[8.0]]), np.array([[8 * 14.0]])
    squares = sums**2 / counts + 7 * 4.0  # sample variance 4, the prior's belief as well
    mean, covariance = posterior(counts, sums, squares, prior)
    precision = 1 / 25 + 8 / 4
    assert mean[0, 0] == pytest.approx((10 / 25 + 14 * 8 / 4) / precision, rel=1e-6)
    assert covariance[0, 0, 0] == pytest.approx(1 / precision, rel=1e-6)


def test_the_fit_tells_shared_effects_from_those_of_one_segment():
    rng = np.random.default_rng(5)
    counts = np.full((6, 8), 4000.0)
    start = Prior(mean=100, segment_sd=10, variant_sd=5, cell_sd=5, noise_sd=30, spread=1.5)
    shared = 100 + 12 * rng.normal(size=(1, 8)) + np.zeros((6, 1))
    alone = 100 + 12 * rng.normal(size=(6, 8))
    for truth, larger, smaller in ((shared, "variant_sd", "cell_sd"), (alone, "cell_sd", "variant_sd")):
        sums, squares = rewards(rng, counts, truth, 30)
        noise = noise_variance(counts, sums, squares, start)
        assert noise == pytest.approx(900, rel=0.05)
        fitted = fitted_prior(counts, sums, noise, start)
        assert getattr(fitted, larger) > 2 * getattr(fitted, smaller)
        assert getattr(fitted, larger) == pytest.approx(12, rel=0.5)


def test_intervals_cover_what_was_planted():
    """800 cells with effects from the prior: 95 % intervals miss 40 ± 4 standard errors of a binomial at most."""
    rng = np.random.default_rng(11)
    missed = total = 0
    for _ in range(40):
        truth = 100 + rng.normal(0, 20, (4, 1)) + rng.normal(0, 10, (1, 5)) + rng.normal(0, 5, (4, 5))
        counts = rng.integers(0, 30, truth.shape).astype(float)
        mean, covariance = posterior(counts, *rewards(rng, counts, truth, 30), FIXED)
        sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        missed += int((np.abs(truth - mean) > 1.96 * sd).sum())
        total += truth.size
    assert abs(missed - 0.05 * total) < 4 * (0.05 * 0.95 * total) ** 0.5


def test_the_first_snapshot_knows_nothing_and_follows_broad(now):
    made = prior_snapshot(
        campaign="c", now=now, segments=("a", "b"), variants=("v", "w"), briefs=("broad", "a"),
        steps=(0, 0), prior=Prior(mean=7, leads=(1.0, -1.0)), ahead=np.full((2, 2), 50.0),
    )  # fmt: skip
    assert made.mean == pytest.approx(np.array([[8.0, 6.0], [8.0, 6.0]]))
    assert made.promoted == (Rung.BROAD, Rung.BROAD)
    assert made.reachable is not None
    assert made.reachable.shape == made.covariance.shape == (2, 2, 2)


def test_shapes_that_disagree_are_refused():
    with pytest.raises(InvalidInput, match="disagree"):
        posterior(np.zeros((1, 2)), np.zeros((2, 1)), np.zeros((1, 2)), FIXED)
    with pytest.raises(InvalidInput, match="leads"):
        posterior(np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((1, 2)), Prior(leads=(1.0,)))
