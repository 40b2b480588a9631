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
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import InvalidInput
from omnimix.core.hashing import stable_id

FloatArray = npt.NDArray[np.float64]

_NOISE_WEIGHT = 20.0  # profile-weeks of belief in the overall noise variance, for segments with few rewards


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


def posterior(
    counts: FloatArray, sums: FloatArray, squares: FloatArray, prior: Prior
) -> tuple[FloatArray, FloatArray]:
    """Mean (S, V) and covariance (S, V, V) of the mean reward of each variant in each segment.

    `counts`, `sums`, `squares` are (S, V): profile-weeks (weights are welcome), rewards, squared rewards. A cell
    without rewards is predicted from its segment and its variant. Raises InvalidInput on shapes that disagree.
    """
    if counts.ndim != 2 or counts.shape != sums.shape or counts.shape != squares.shape:
        raise InvalidInput(f"counts {counts.shape}, sums {sums.shape} and squares {squares.shape} disagree")
    if prior.leads and len(prior.leads) != counts.shape[1]:
        raise InvalidInput(f"{len(prior.leads)} leads for {counts.shape[1]} variants")
    noise = noise_variance(counts, sums, squares, prior)
    return _given(counts, sums, noise, fitted_prior(counts, sums, noise, prior))


def noise_variance(counts: FloatArray, sums: FloatArray, squares: FloatArray, prior: Prior) -> FloatArray:
    """(S,) variance of one reward within a cell, each segment's shrunk a little towards that of all."""
    safe = np.maximum(counts, 1e-12)
    within = np.where(counts > 0, squares - sums**2 / safe, 0.0).clip(min=0)
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
    start = np.array([getattr(prior, n) for n in names])
    free = start > 0
    if prior.spread <= 0 or not free.any() or np.count_nonzero(counts) < 2:
        return prior

    def at(logs: FloatArray) -> Prior:
        values = start.copy()
        values[free] *= np.exp(logs)
        return replace(prior, **dict(zip(names, values.tolist(), strict=True)))

    def loss(logs: FloatArray) -> float:
        penalty = 0.5 * float(logs @ logs) / prior.spread**2
        return penalty - _log_likelihood(counts, sums, noise, at(logs))

    zero = np.zeros(int(free.sum()))
    found = minimize(loss, zero, method="L-BFGS-B", bounds=[(-3.0, 3.0)] * len(zero), options={"maxiter": 30})
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
) -> Snapshot:
    """The snapshot of the first week: nothing seen yet, every segment follows `broad`."""
    empty = np.zeros((len(segments), len(variants)))
    mean, covariance = posterior(empty, empty, empty, prior)
    return Snapshot(
        snapshot_id=stable_id("snap", campaign, now.isoformat(), *segments, *variants),
        campaign=campaign,
        made_at=now,
        segments=segments,
        variants=variants,
        briefs=briefs,
        steps=steps,
        mean=mean,
        covariance=covariance,
        promoted=(Rung.BROAD,) * len(segments),
    )


@dataclass(frozen=True, slots=True)
class _Solved:
    """The effects (m, a, b) given everything else: mean and covariance, and the pieces of the likelihood."""

    effects: FloatArray  # (1 + S + V,)
    covariance: FloatArray  # (1 + S + V, 1 + S + V)
    log_likelihood: float


def _log_likelihood(counts: FloatArray, sums: FloatArray, noise: FloatArray, prior: Prior) -> float:
    return _solve(counts, sums, noise, prior).log_likelihood


def _solve(counts: FloatArray, sums: FloatArray, noise: FloatArray, prior: Prior) -> _Solved:
    s_count, v_count = counts.shape
    rows, columns = np.nonzero(counts > 0)
    n = counts[rows, columns]
    means = sums[rows, columns] / n
    spread = prior.cell_sd**2 + noise[rows] / n  # variance of a cell mean given m, a, b
    leads = np.array(prior.leads) if prior.leads else np.zeros(v_count)
    before = np.concatenate([[prior.mean], np.zeros(s_count), leads])
    sds = np.concatenate([[prior.mean_sd], np.full(s_count, prior.segment_sd), np.full(v_count, prior.variant_sd)])
    variance = np.maximum(sds, 1e-9) ** 2
    design = np.zeros((len(n), 1 + s_count + v_count))
    design[:, 0] = 1
    design[np.arange(len(n)), 1 + rows] = 1
    design[np.arange(len(n)), 1 + s_count + columns] = 1
    # Scaled by the prior's deviations the information matrix is 1 plus something positive: well conditioned.
    scaled = design * np.sqrt(variance) / np.sqrt(spread)[:, None]
    lower = np.linalg.cholesky(np.eye(scaled.shape[1]) + scaled.T @ scaled)
    inverse = np.linalg.inv(lower)
    residual = (means - design @ before) / np.sqrt(spread)
    projected = inverse @ (scaled.T @ residual)
    fit = float(residual @ residual - projected @ projected)
    size = float(np.log(spread).sum() + 2 * np.log(np.diag(lower)).sum())
    root = np.sqrt(variance)
    return _Solved(
        effects=before + root * (inverse.T @ projected),
        covariance=(inverse.T @ inverse) * root[:, None] * root[None, :],
        log_likelihood=-0.5 * (fit + size + len(n) * float(np.log(2 * np.pi))),
    )


def _given(counts: FloatArray, sums: FloatArray, noise: FloatArray, prior: Prior) -> tuple[FloatArray, FloatArray]:
    """The posterior of the cells when the three standard deviations are known."""
    s_count, v_count = counts.shape
    solved = _solve(counts, sums, noise, prior)
    m, a, b = solved.effects[0], solved.effects[1 : 1 + s_count], solved.effects[1 + s_count :]
    expected = m + a[:, None] + b[None, :]
    # Share of a cell's own mean in its estimate; what is left comes from the effects.
    own = prior.cell_sd**2 * counts / (prior.cell_sd**2 * counts + noise[:, None])
    means = np.where(counts > 0, sums / np.maximum(counts, 1e-12), expected)
    mean = (1 - own) * expected + own * means
    covariance = np.empty((s_count, v_count, v_count))
    variants = np.arange(v_count)
    for s in range(s_count):
        picks = np.zeros((v_count, 1 + s_count + v_count))
        picks[:, [0, 1 + s]] = 1
        picks[variants, 1 + s_count + variants] = 1
        picks *= (1 - own[s])[:, None]
        block = picks @ solved.covariance @ picks.T
        block[variants, variants] += prior.cell_sd**2 * (1 - own[s])
        covariance[s] = (block + block.T) / 2
    return mean, covariance
