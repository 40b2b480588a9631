"""k-means: as good as the reference's, the same for the same seed, at rest, every cluster with people."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from omnimix.audience.segment.kmeans import nearest, rand_index
from omnimix.audience.segment.lloyd import k_means


def inertia(points, centres) -> float:
    return float(((points[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1).sum())


@pytest.mark.parametrize("k", [2, 5, 8])
def test_as_good_as_the_reference(k) -> None:
    rng = np.random.default_rng(k)
    points = np.concatenate([rng.normal(rng.uniform(-3, 3, 4), 1, (60, 4)) for _ in range(5)]) + 1_000
    own = [inertia(points, k_means(points, k, starts=4, seed=s)) for s in range(5)]
    known = [KMeans(k, n_init=4, random_state=s).fit(points).inertia_ for s in range(5)]
    assert np.median(own) < 1.01 * np.median(known)
    assert (k_means(points, k, starts=4, seed=3) == k_means(points, k, starts=4, seed=3)).all()


def test_planted_groups_are_found_and_centres_are_means() -> None:
    rng = np.random.default_rng(1)
    planted = np.repeat(np.arange(4), 50)
    points = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])[planted] + rng.normal(0, 1, (200, 2))
    centres = k_means(points, 4, starts=4, seed=0)
    labels = nearest(points, centres)
    assert rand_index(planted, labels) == 1.0
    assert centres == pytest.approx(np.array([points[labels == c].mean(axis=0) for c in range(4)]))


@settings(max_examples=25)
@given(arrays(np.int64, (12, 2), elements=st.integers(-3, 3)), st.integers(1, 4), st.integers(0, 99))
def test_as_many_clusters_as_asked_wherever_there_are_so_many_points(cells, k, seed) -> None:
    points = cells.astype(np.float64)
    k = min(k, len(np.unique(points, axis=0)))
    centres = k_means(points, k, starts=2, seed=seed)
    assert np.isfinite(centres).all()
    assert len(np.unique(nearest(points, centres))) == k


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=12))
def test_the_adjusted_rand_index_is_the_reference_s(pairs) -> None:
    one, other = np.array(pairs).T
    assert rand_index(one, other) == pytest.approx(adjusted_rand_score(one, other))
    assert rand_index(one, one) == 1.0
