"""Partial pooling: a variant's effect in a segment is shrunk towards its effect overall.

in   counts, sums and sums of squares of rewards per segment and variant; a Prior
out  posterior mean and covariance of each variant's mean reward in each segment

Model   reward of one exposed profile-week   y ~ N(θ_sv, σ²_s)
        mean reward of a cell                θ_sv = m + a_s + b_v + d_sv
        m ~ N(mean, mean_sd²)  a_s ~ N(0, segment_sd²)  b_v ~ N(lead_v, variant_sd²)  d_sv ~ N(0, cell_sd²)

Given the standard deviations, the posterior is Gaussian and in closed form (Gelman & Hill 2007, chapters 12–13;
Gelman et al., Bayesian Data Analysis, 3rd ed., chapters 5 and 15). The three standard deviations are set by
penalised marginal likelihood: a log-normal penalty around the prior's values keeps them off zero, where plain
REML ends in small tables (Chung, Rabe-Hesketh, Dorie, Gelman & Liu 2013, Psychometrika 78). Rewards are far from
normal, but only cell means enter, and those are nearly so after some hundred profile-weeks.

Cells are independent given m, a and b, so nothing larger than (1 + S + V)² is ever solved.

Exploring pays only for what can still be learnt. `Belief.reachable` is the covariance of the posterior mean that
will be held once the traffic ahead is in: for a Gaussian model it is known now, as the covariance less what will
be left of it. Sampling from it instead of from the whole posterior is predictive sampling (Liu, Van Roy & Xu
2023): with a long way to go it is Thompson sampling, at the end it shows what looks best.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import InvalidInput
from omnimix.core.hashing import digest, stable_id

FloatArray = npt.NDArray[np.float64]

_NOISE_WEIGHT = 20.0  # profile-weeks of belief in the overall noise variance, for segments with few rewards
_LEAST = 1e-9  # profile-weeks: a cell with less was never shown


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before any reward. All in minor units of margin per exposed profile-week.

    `spread` is the standard deviation of the logarithm of each of the three standard deviations: 0 keeps them as
    given, large values let the rewards decide alone.
    """

    mean: float = 0.0
    mean_sd: float = 1000.0
    segment_sd: float = 300.0
    variant_sd: float = 20.0
    cell_sd: float = 10.0
    noise_sd: float = 3000.0  # of one profile-week; used while a segment has no rewards
    spread: float = 1.0
    leads: tuple[float, ...] = ()  # (V,) expected lead of each variant over the others, from scores of its copy


def scaled_prior(base: float, noise_sd: float) -> Prior:
    """A prior for a shop whose profiles bring `base` margin a week with standard deviation `noise_sd`.

    Variants are expected to differ by about 5 % of the base, and in one segment by about half of that more.
    """
    size = max(abs(base), 1.0)
    return Prior(
        mean=base,
        mean_sd=2 * size,
        segment_sd=size,
        variant_sd=0.05 * size,
        cell_sd=0.025 * size,
        noise_sd=max(noise_sd, 1e-6),
    )


@dataclass(frozen=True, slots=True)
class Belief:
    """What rewards so far say, and how much of the rest the traffic ahead can say."""

    mean: FloatArray  # (S, V)
    covariance: FloatArray  # (S, V, V)
    reachable: FloatArray  # (S, V, V), covariance less what will be left of it; all of it where nothing is said


def belief(
    counts: FloatArray, sums: FloatArray, squares: FloatArray, prior: Prior, *, ahead: FloatArray | None
) -> Belief:
    """`posterior`, and what of its uncertainty `ahead` (S, V) more profile-weeks will resolve. None: all of it."""
    _agree(counts, sums, squares, prior)
    noise = noise_variance(counts, sums, squares, prior)
    fitted = fitted_prior(counts, sums, noise, prior)
    mean, covariance = _given(counts, sums, noise, fitted)
    if ahead is None:
        return Belief(mean, covariance, covariance)
    later = counts + ahead
    # A covariance does not depend on the rewards that are to come, so any will do.
    _, left = _given(later, later * 0, noise, fitted)
    return Belief(mean, covariance, covariance - left)


def even_ahead(people: FloatArray, variants: int, weeks: int) -> FloatArray:
    """(S, V) profile-weeks ahead: `people` (S,) exposed a week, for `weeks` more, split evenly over variants."""
    return np.repeat(people[:, None] * weeks / max(variants, 1), variants, axis=1)


def posterior(
    counts: FloatArray, sums: FloatArray, squares: FloatArray, prior: Prior
) -> tuple[FloatArray, FloatArray]:
    """Mean (S, V) and covariance (S, V, V) of the mean reward of each variant in each segment.

    `counts`, `sums`, `squares` are (S, V): profile-weeks (weights are welcome), rewards, squared rewards. A cell
    without rewards is predicted from its segment and its variant. Raises InvalidInput on shapes that disagree.
    """
    found = belief(counts, sums, squares, prior, ahead=None)
    return found.mean, found.covariance


def noise_variance(counts: FloatArray, sums: FloatArray, squares: FloatArray, prior: Prior) -> FloatArray:
    """(S,) variance of one reward within a cell, each segment's shrunk a little towards that of all."""
    safe = np.maximum(counts, _LEAST)
    within = np.where(counts > _LEAST, squares - sums**2 / safe, 0.0).clip(min=0)
    freedom = np.maximum(counts - 1, 0)
    total = float(freedom.sum())
    overall = float(within.sum() / total) if total > 1 else prior.noise_sd**2
    overall = (total * overall + _NOISE_WEIGHT * prior.noise_sd**2) / (total + _NOISE_WEIGHT)
    pooled = (within.sum(axis=1) + _NOISE_WEIGHT * overall) / (freedom.sum(axis=1) + _NOISE_WEIGHT)
    return np.asarray(np.maximum(pooled, 1e-12))


def fitted_prior(counts: FloatArray, sums: FloatArray, noise: FloatArray, prior: Prior) -> Prior:
    """`prior` with its three standard deviations at the penalised maximum of the marginal likelihood.

    Each stays within a factor of e³ of its prior value.
    """
    names = ("segment_sd", "variant_sd", "cell_sd")
    start = np.array([getattr(prior, n) for n in names], dtype=np.float64)
    free = start > 0
    if prior.spread <= 0 or not free.any() or np.count_nonzero(counts > _LEAST) < 2:
        return prior

    cells = _Cells.of(counts, sums, noise)

    def at(logs: FloatArray) -> Prior:
        values = start.copy()
        values[free] *= np.exp(logs)
        return replace(prior, **dict(zip(names, values.tolist(), strict=True)))

    def loss(logs: FloatArray) -> float:
        penalty = 0.5 * float(logs @ logs) / prior.spread**2
        return penalty - _solve(cells, counts.shape, at(logs)).log_likelihood

    zero = np.zeros(int(free.sum()))
    found = minimize(
        loss, zero, method="L-BFGS-B", bounds=[(-3.0, 3.0)] * len(zero), options={"maxiter": 30, "ftol": 1e-5}
    )
    return at(found.x if np.isfinite(found.fun) and found.fun <= loss(zero) else zero)


def prior_snapshot(
    *,
    campaign: str,
    now: datetime,
    segments: tuple[str, ...],
    variants: tuple[str, ...],
    briefs: tuple[str, ...],
    steps: tuple[int, ...],
    prior: Prior,
    ahead: FloatArray | None = None,
) -> Snapshot:
    """The snapshot of the first week: nothing seen yet, every segment follows `broad`. `ahead` as in `belief`."""
    empty = np.zeros((len(segments), len(variants)))
    found = belief(empty, empty, empty, prior, ahead=ahead)
    content = digest([segments, variants, briefs, steps, prior, found.mean.tolist(), found.reachable.tolist()])
    return Snapshot(
        snapshot_id=stable_id("snap", campaign, now.isoformat(), content),
        campaign=campaign,
        made_at=now,
        segments=segments,
        variants=variants,
        briefs=briefs,
        steps=steps,
        mean=found.mean,
        covariance=found.covariance,
        promoted=(Rung.BROAD,) * len(segments),
        reachable=None if ahead is None else found.reachable,
    )


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells with rewards, laid out for the linear model: C cells, E = 1 + S + V effects (m, a, b)."""

    design: FloatArray  # (C, E) of 0 and 1
    means: FloatArray  # (C,)
    noise: FloatArray  # (C,) variance of a cell's mean given its true mean

    @classmethod
    def of(cls, counts: FloatArray, sums: FloatArray, noise: FloatArray) -> "_Cells":
        """Leave out cells without rewards."""
        s_count, v_count = counts.shape
        rows, columns = np.nonzero(counts > _LEAST)
        n = counts[rows, columns]
        design = np.zeros((len(n), 1 + s_count + v_count))
        design[:, 0] = 1
        design[np.arange(len(n)), 1 + rows] = 1
        design[np.arange(len(n)), 1 + s_count + columns] = 1
        return cls(design, sums[rows, columns] / n, noise[rows] / n)


@dataclass(frozen=True, slots=True)
class _Solved:
    """The effects given everything else, and the log marginal likelihood."""

    effects: FloatArray  # (E,)
    root: FloatArray  # (E, E): root.T @ root is the covariance of the effects
    log_likelihood: float


def _solve(cells: _Cells, shape: tuple[int, int], prior: Prior) -> _Solved:
    """The Gaussian posterior of the effects when the three standard deviations are known."""
    s_count, v_count = shape
    precision = 1 / np.sqrt(prior.cell_sd**2 + cells.noise)
    before = np.zeros(1 + s_count + v_count)
    before[0] = prior.mean
    if prior.leads:
        before[1 + s_count :] = prior.leads
    sds = np.empty(1 + s_count + v_count)
    sds[0], sds[1 : 1 + s_count], sds[1 + s_count :] = prior.mean_sd, prior.segment_sd, prior.variant_sd
    sds = np.maximum(sds, 1e-9)
    # Scaled by the prior's deviations the information matrix is 1 plus something positive: well conditioned.
    scaled = cells.design * sds * precision[:, None]
    lower = np.linalg.cholesky(np.eye(len(sds)) + scaled.T @ scaled)
    inverse = np.linalg.inv(lower)
    residual = (cells.means - cells.design @ before) * precision
    projected = inverse @ (scaled.T @ residual)
    fit = float(residual @ residual - projected @ projected)
    size = 2 * float(np.log(lower.diagonal()).sum() - np.log(precision).sum())
    return _Solved(
        effects=before + sds * (inverse.T @ projected),
        root=inverse * sds,
        log_likelihood=-0.5 * (fit + size + len(precision) * float(np.log(2 * np.pi))),
    )


def _agree(counts: FloatArray, sums: FloatArray, squares: FloatArray, prior: Prior) -> None:
    if counts.ndim != 2 or counts.shape != sums.shape or counts.shape != squares.shape:
        raise InvalidInput(f"counts {counts.shape}, sums {sums.shape} and squares {squares.shape} disagree")
    if prior.leads and len(prior.leads) != counts.shape[1]:
        raise InvalidInput(f"{len(prior.leads)} leads for {counts.shape[1]} variants")


def _given(counts: FloatArray, sums: FloatArray, noise: FloatArray, prior: Prior) -> tuple[FloatArray, FloatArray]:
    """The posterior of the cells when the three standard deviations are known."""
    s_count, v_count = counts.shape
    solved = _solve(_Cells.of(counts, sums, noise), counts.shape, prior)
    m, a, b = solved.effects[0], solved.effects[1 : 1 + s_count], solved.effects[1 + s_count :]
    expected = m + a[:, None] + b[None, :]
    # Share of a cell's own mean in its estimate; what is left comes from the effects.
    own = prior.cell_sd**2 * counts / (prior.cell_sd**2 * counts + noise[:, None])
    means = np.where(counts > _LEAST, sums / np.maximum(counts, _LEAST), expected)
    mean = (1 - own) * expected + own * means
    covariance = np.empty((s_count, v_count, v_count))
    variants = np.arange(v_count)
    for s in range(s_count):
        picks = np.zeros((v_count, 1 + s_count + v_count))
        picks[:, [0, 1 + s]] = 1
        picks[variants, 1 + s_count + variants] = 1
        picks *= (1 - own[s])[:, None]
        half = picks @ solved.root.T
        block = half @ half.T
        block[variants, variants] += prior.cell_sd**2 * (1 - own[s])
        covariance[s] = block
    return mean, covariance
