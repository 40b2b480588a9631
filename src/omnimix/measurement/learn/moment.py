"""Learning the moment model: what each variant is worth in each context, partially pooled over variants.

in   Weighed sums of decisions, a Prior, the class of each feature
out  Posterior of every variant's weights; the Moment that decide serves

Model   margin of one decision     y ~ N(x·θ_v, σ²_v)
        weights of a variant       θ_v = β + δ_v          β what all variants share, δ_v a variant's own
        β_f ~ N(b_f, main²_c)      δ_vf ~ N(l_v·1[f is the intercept], own²_c)   c the class of feature f

Classes are the intercept, every declared feature, every interaction: each has a scale of its own, so a feature
that tells variants apart keeps its weights and one that does not is shrunk to nothing (Tipping 2001, JMLR 1). The
scales are set by penalised marginal likelihood around the prior's (Chung et al. 2013, Psychometrika 78), noise
variances by expectation-maximisation. β cancels where variants are compared, and sets the price of an
impression.

A Gaussian on rewards that are mostly 0: only sums over many decisions enter, and those are nearly normal; the mean
of a margin is what is maximised, and the least-squares weights are that mean whatever the reward's distribution
(White 1980). Given β the variants are independent, so nothing larger than F × F is ever solved.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import ndtri

from omnimix.activation.decide.feature import FeatureRules
from omnimix.activation.decide.moment import FLOOR, Moment, moment_of
from omnimix.core.errors import InvalidInput
from omnimix.measurement.learn.stream import Weighed

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DRAWS = 128
_NOISE_WEIGHT = 20.0  # decisions of belief in the overall noise variance
_ROUNDS = 3  # of scales given noise, noise given scales


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before any reward, minor units of margin per decision.

    Feature columns lie in [−1, 1], so a scale is about the effect of a feature at its bound. `spread` is the
    standard deviation of the logarithm of each scale: 0 keeps them as given.
    """

    level: float = 0.0  # of the shared intercept
    level_sd: float = 100.0
    noise_sd: float = 300.0  # of one decision
    main_sd: float = 20.0  # shared effect of a feature
    own_sd: float = 10.0  # a variant's lead over the others
    feature_sd: float = 5.0  # a variant's own effect of a feature
    interaction_sd: float = 3.0  # likewise of an interaction
    spread: float = 1.0
    leads: tuple[float, ...] = ()  # (V,) expected lead of each variant, from segments or scores of its copy


def scaled_prior(base: float, noise_sd: float, *, leads: tuple[float, ...] = ()) -> Prior:
    """A prior where a decision brings `base` margin with standard deviation `noise_sd`.

    Variants are expected to differ by a tenth of the base, and by about as much between contexts.
    """
    size = max(abs(base), 1e-6)
    return Prior(
        level=base,
        level_sd=size,
        noise_sd=max(noise_sd, 1e-6),
        main_sd=0.2 * size,
        own_sd=0.1 * size,
        feature_sd=0.1 * size,
        interaction_sd=0.05 * size,
        leads=leads,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Gaussian belief about the weights: β, and δ_v given β."""

    mean: FloatArray  # (V, F) of θ_v = β + δ_v
    shared: FloatArray  # (F, F) root R of the covariance of β: R Rᵀ
    own: FloatArray  # (V, F, F) root of the covariance of δ_v given β
    pull: FloatArray  # (V, F, F) ∂E[δ_v | β] / ∂β is −pull
    noise: FloatArray  # (V,) variance of one decision's margin
    prior: Prior
    main: FloatArray  # (F,) fitted scales of β
    scale: FloatArray  # (F,) fitted scales of δ

    def draws(self, count: int, seed: int) -> FloatArray:
        """(count, V, F) posterior draws of θ in antithetic pairs; the same seed gives the same draws."""
        v, f = self.mean.shape
        half = ndtri(np.random.default_rng(seed).uniform(1e-12, 1, ((count + 1) // 2, v + 1, f)))
        normal = np.concatenate([half, -half])[:count]
        beta = normal[:, 0] @ self.shared.T
        delta = np.einsum("vij,kvj->kvi", self.own, normal[:, 1:])
        return np.asarray(self.mean + beta[:, None] + delta - np.einsum("vij,kj->kvi", self.pull, beta))


def fit(sums: Weighed, classes: Sequence[str], prior: Prior) -> Posterior:
    """The posterior given the sums. `classes` (F,) name each column's class; "" is the intercept, and a name with
    " × " an interaction.

    Raises InvalidInput on shapes that disagree.
    """
    variants, features = sums.cross.shape
    if len(classes) != features or (prior.leads and len(prior.leads) != variants):
        raise InvalidInput(
            f"{len(classes)} classes, {len(prior.leads)} leads for {sums.cross.shape}", where="moment"
        )
    names = list(dict.fromkeys(classes))
    group = np.array([names.index(c) for c in classes], dtype=np.int64)
    start = np.array([_scales(name, prior) for name in names], dtype=np.float64).T  # (2, G): main, own
    expected = np.zeros((variants, features))
    intercept = np.array([c == "" for c in classes])
    expected[:, intercept] = prior.level
    if prior.leads:
        expected[:, intercept] += np.array(prior.leads)[:, None]
    noise = _first_noise(sums, prior)
    scales = start
    for _ in range(_ROUNDS):
        problem = _Problem.of(sums, expected, noise)
        scales = _fitted_scales(problem, group, start, scales, prior.spread)
        solved = _solve(problem, scales[0][group], scales[1][group])
        noise = _noise(sums, expected, solved, prior)
    problem = _Problem.of(sums, expected, noise)
    main, own = scales[0][group], scales[1][group]
    solved = _solve(problem, main, own)
    return Posterior(
        mean=expected + solved.beta + solved.delta,
        shared=main[:, None] * _root(solved.shared),
        own=own[:, None] * _root(solved.inverse),
        pull=own[:, None] * (solved.inverse @ (own[:, None] * problem.gram)),
        noise=noise,
        prior=prior,
        main=main,
        scale=own,
    )


def learnt(
    sums: Weighed,
    rules: FeatureRules,
    features: Sequence[str],
    classes: Sequence[str],
    variants: Sequence[str],
    prior: Prior,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    floor: float = FLOOR,
    ahead: float | None = None,
) -> Moment:
    """The Moment that the sums teach.

    `ahead` decisions are still to come before what is learnt loses its use; only what those can resolve is explored
    (predictive sampling, Liu, Van Roy & Xu 2023). None: all of it, which is Thompson sampling.
    """
    found = fit(sums, classes, prior)
    sampled = found.draws(draws, seed)
    return moment_of(rules, features, variants, found.mean, sampled, floor=floor)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The sums over the noise, less what is expected."""

    gram: FloatArray  # (V, F, F)
    cross: FloatArray  # (V, F)
    fit: float  # Σ r² / σ²
    size: float  # Σ n log σ²

    @classmethod
    def of(cls, sums: Weighed, expected: FloatArray, noise: FloatArray) -> "_Problem":
        away = np.einsum("vij,vj->vi", sums.gram, expected)
        left = sums.squares - 2 * (sums.cross * expected).sum(axis=1) + (away * expected).sum(axis=1)
        return cls(
            sums.gram / noise[:, None, None],
            (sums.cross - away) / noise[:, None],
            float((left / noise).sum()),
            float((sums.count * np.log(noise)).sum()),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """Posterior in units of the scales: z = δ / own, w = β / main."""

    beta: FloatArray  # (F,)
    delta: FloatArray  # (V, F)
    w: FloatArray  # (F,)
    z: FloatArray  # (V, F)
    shared: FloatArray  # (F, F) covariance of w
    inverse: FloatArray  # (V, F, F) covariance of z given w
    spread: FloatArray  # (V, F) variance of z
    cov: FloatArray  # (V, F, F) of θ, only its part through β's pull
    log_likelihood: float


def _solve(problem: _Problem, main: FloatArray, own: FloatArray) -> _Solved:
    eye = np.eye(len(main))
    gram, cross = problem.gram, problem.cross
    scaled = own[:, None] * gram * own
    lower = np.linalg.cholesky(eye + scaled)
    inverse = np.linalg.inv(eye + scaled)
    pull = inverse @ (own[:, None] * gram)  # (V, F, F) ∂z/∂β, negative
    left = gram - (gram * own) @ pull
    target = own * cross
    z0 = np.einsum("vij,vj->vi", inverse, target)
    h = (cross - np.einsum("vij,vj->vi", gram * own, z0)).sum(axis=0)
    precision = eye + main[:, None] * left.sum(axis=0) * main
    shared = np.linalg.inv(precision)
    root = np.linalg.cholesky(precision)
    w = shared @ (main * h)
    beta = main * w
    z = z0 - pull @ beta
    through = pull * main  # (V, F, F) ∂z/∂w
    spread = np.einsum("vii->vi", inverse) + np.einsum("vij,jk,vik->vi", through, shared, through, optimize=True)
    fit = problem.fit - float((target * z0).sum()) - float((main * h) @ w)
    size = problem.size + 2 * float(np.log(np.einsum("vii->vi", lower)).sum() + np.log(root.diagonal()).sum())
    j = main * eye - own[:, None] * through
    cov = own[:, None] * inverse * own + j @ shared @ j.transpose(0, 2, 1)
    return _Solved(beta, own * z, w, z, shared, inverse, spread, cov, -0.5 * (fit + size))


def _fitted_scales(
    problem: _Problem, group: IntArray, start: FloatArray, now: FloatArray, spread: float
) -> FloatArray:
    """(2, G) scales at the penalised maximum of the marginal likelihood, each within e³ of its prior."""
    if spread <= 0:
        return start
    count = start.shape[1]

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        main, own = start * np.exp(logs.reshape(2, count))
        found = _solve(problem, main[group], own[group])
        ones = found.w**2 + found.shared.diagonal() - 1
        each = (found.z**2 + found.spread - 1).sum(axis=0)
        slope = np.concatenate([np.bincount(group, ones, count), np.bincount(group, each, count)])
        return 0.5 * float(logs @ logs) / spread**2 - found.log_likelihood, logs / spread**2 - slope

    begin = np.log(now / start).ravel()
    found = minimize(
        loss, begin, jac=True, method="L-BFGS-B", bounds=[(-3, 3)] * len(begin), options={"maxiter": 25}
    )
    return np.asarray(start * np.exp(found.x.reshape(2, count)))


def _scales(name: str, prior: Prior) -> tuple[float, float]:
    if not name:
        return prior.level_sd, prior.own_sd
    return prior.main_sd, prior.interaction_sd if " × " in name else prior.feature_sd


def _first_noise(sums: Weighed, prior: Prior) -> FloatArray:
    total = float(sums.count.sum())
    mean = float(sums.cross[:, 0].sum()) / max(total, 1.0)
    overall = (float(sums.squares.sum()) - total * mean**2 + _NOISE_WEIGHT * prior.noise_sd**2) / (
        total + _NOISE_WEIGHT
    )
    return np.full(len(sums.count), max(overall, 1e-12))


def _noise(sums: Weighed, expected: FloatArray, solved: _Solved, prior: Prior) -> FloatArray:
    """(V,) expected squared residual, each variant's shrunk a little towards that of all."""
    theta = expected + solved.beta + solved.delta
    away = np.einsum("vij,vj->vi", sums.gram, theta)
    left = sums.squares - 2 * (sums.cross * theta).sum(axis=1) + (away * theta).sum(axis=1)
    left = left.clip(min=0) + np.einsum("vij,vij->v", sums.gram, solved.cov)
    total = float(sums.count.sum())
    overall = (float(left.sum()) + _NOISE_WEIGHT * prior.noise_sd**2) / (total + _NOISE_WEIGHT)
    return np.asarray(np.maximum((left + _NOISE_WEIGHT * overall) / (sums.count + _NOISE_WEIGHT), 1e-12))


def _root(covariance: FloatArray) -> FloatArray:
    """R with R Rᵀ = covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(values.clip(min=0))[..., None, :])
