"""Learning the moment model: what each variant is worth in each context, partially pooled over variants.

in   Weighed sums of decisions, a Prior, the class of each feature
out  Posterior of every variant's weights; the Moment that decide serves

Model   margin of one decision     y ~ N(x·θ_v, σ²_v)
        weights of a variant       θ_v = β + δ_v          β what all variants share, δ_v a variant's own
        β_f ~ N(b_f, main²_c)      δ_vf ~ N(l_v·1[f is the intercept], own²_c)   c the class of feature f

Classes are the intercept, every declared feature, every interaction: each has a scale of its own, so a feature
that tells variants apart keeps its weights and one that does not is shrunk (Tipping 2001, JMLR 1). The
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

from omnimix.activation.decide.feature import CROSS, FeatureRules
from omnimix.activation.decide.moment import FLOOR, Moment, moment_of
from omnimix.core.errors import InvalidInput
from omnimix.measurement.learn.stream import Weighed

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DRAWS = 128
EXPLORE = 0.25  # of the posterior's spread that choices explore
_SETTLED = 2000.0  # decisions of a variant at which scales move half as freely (in variance) as they ever will
_NOISE_WEIGHT = 20.0  # decisions of belief in the overall noise variance
_ROUNDS = 2  # of scales given noise, noise given scales


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before any reward, minor units of margin per decision.

    Feature columns lie in [−1, 1], so a scale is about the effect of a feature at its bound. `spread` is the
    standard deviation of the logarithm of each scale, once decisions are many: 0 keeps them as given.
    """

    level: float = 0.0  # of the shared intercept
    level_sd: float = 100.0
    noise_sd: float = 300.0  # of one decision
    main_sd: float = 20.0  # shared effect of a feature
    own_sd: float = 30.0  # a variant's lead over the others
    feature_sd: float = 30.0  # a variant's own effect of a feature
    interaction_sd: float = 15.0  # likewise of an interaction
    spread: float = 1.0
    leads: tuple[float, ...] = ()  # (V,) expected lead of each variant, from segments or scores of its copy


def scaled_prior(base: float, noise_sd: float, *, leads: tuple[float, ...] = ()) -> Prior:
    """A prior where a decision brings `base` margin with standard deviation `noise_sd`.

    A variant's own effects are expected to be within some two thirds of the base, or of the noise where that is
    less. Wide on purpose: what is shrunk too early is never tried again; rewards narrow it where they are many.
    """
    size = max(abs(base), 1e-6)
    own = 0.7 * min(size, max(noise_sd, 1e-6))
    return Prior(
        level=base,
        level_sd=size,
        noise_sd=max(noise_sd, 1e-6),
        main_sd=0.2 * size,
        own_sd=own,
        feature_sd=own,
        interaction_sd=own / 2,
        leads=leads,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Gaussian belief about the weights of V variants on F features."""

    mean: FloatArray  # (V, F) of θ_v = β + δ_v
    expected: FloatArray  # (V, F) before any reward
    main: FloatArray  # (F,) fitted scales of β
    own: FloatArray  # (F,) fitted scales of δ
    noise: FloatArray  # (V,) variance of one decision's margin
    gram: FloatArray  # (F, F) mean of xxᵀ over the decisions so far
    problem: "_Problem"
    solved: "_Solved"

    def draws(self, count: int, seed: int) -> FloatArray:
        """(count, V, F) posterior draws of θ in antithetic pairs; the same seed gives the same draws."""
        variants, features = self.mean.shape
        half = ndtri(np.random.default_rng(seed).uniform(1e-12, 1, ((count + 1) // 2, variants + 1, features)))
        normal = np.concatenate([half, -half])[:count]
        w = normal[:, 0] @ _root(self.solved.shared).T
        z = (normal[:, 1:, None] @ _root(self.solved.inverse).transpose(0, 2, 1))[:, :, 0]
        z -= (w[:, None, None] @ self.solved.through.transpose(0, 2, 1))[:, :, 0]
        return np.asarray(self.mean + (self.main * w)[:, None] + self.own * z)

    def reachable(self, count: int, seed: int, ahead: float) -> FloatArray:
        """(count, V, F) draws of the mean that will be held once `ahead` more decisions are in.

        They are taken to fall on contexts like those so far and evenly on the variants. What they will not resolve
        is not worth exploring.
        """
        drawn = self.draws(count, seed)
        if not self.gram.any():
            return drawn
        variants, features = self.mean.shape
        gram = np.sqrt(ahead / variants / self.noise)[:, None, None] * _root(self.gram)  # root of what is to come
        luck = ndtri(np.random.default_rng([seed, 1]).uniform(1e-12, 1, ((count + 1) // 2, variants, features)))
        luck = np.concatenate([luck, -luck])[:count]
        away = drawn - self.expected
        seen = (away[:, :, None] @ gram)[:, :, 0] + luck
        cross = self.problem.cross + (seen[:, :, None] @ gram.transpose(0, 2, 1))[:, :, 0]
        later = replace(self.problem, gram=self.problem.gram + gram @ gram.transpose(0, 2, 1), cross=cross)
        return np.asarray(self.expected + _solve(later, self.main, self.own).theta)


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
    # Few rewards look as if nothing mattered; what is shrunk to nothing then is never tried again.
    count = float(sums.count.mean())
    spread = prior.spread * float(np.sqrt(count / (count + _SETTLED)))
    scales = start
    for _ in range(_ROUNDS):
        problem = _Problem.of(sums, expected, noise)
        scales = _fitted_scales(problem, group, start, scales, spread)
        main, own = scales[0][group], scales[1][group]
        solved = _solve(problem, main, own)
        noise = _noise(sums, expected, solved, main, own, prior)
    problem = _Problem.of(sums, expected, noise)
    solved = _solve(problem, main, own)
    total = float(sums.count.sum())
    gram = sums.gram.sum(axis=0) / total if total else np.zeros((features, features))
    return Posterior(expected + solved.theta, expected, main, own, noise, gram, problem, solved)


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
    explore: float = EXPLORE,
    ahead: float | None = None,
) -> Moment:
    """The Moment that the sums teach: `features` and `classes` (F,) are those of `rules` compiled.

    `ahead` decisions are still to come before what is learnt loses its use; only what those can resolve is
    explored (predictive sampling, Liu, Van Roy & Xu 2023). None: all of it. Of that, `explore` in [0, 1] is the
    share of the spread that is drawn from. Full Thompson sampling explores more than pays where contexts vary by
    themselves (Chapelle & Li 2011, NeurIPS, posterior reshaping; Bastani, Bayati & Khosravi 2021, Management
    Science 67).
    """
    found = fit(sums, classes, prior)
    sampled = found.draws(draws, seed) if ahead is None else found.reachable(draws, seed, ahead)
    drawn = found.mean + explore * (sampled - found.mean)
    return moment_of(rules, features, variants, found.mean, drawn, floor=floor)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The sums over the noise, less what is expected."""

    gram: FloatArray  # (V, F, F)
    cross: FloatArray  # (V, F)
    fit: float  # Σ r² / σ²
    size: float  # Σ n log σ²

    @classmethod
    def of(cls, sums: Weighed, expected: FloatArray, noise: FloatArray) -> "_Problem":
        away = (sums.gram @ expected[..., None])[..., 0]
        left = sums.squares - 2 * (sums.cross * expected).sum(axis=1) + (away * expected).sum(axis=1)
        return cls(
            sums.gram / noise[:, None, None],
            (sums.cross - away) / noise[:, None],
            float((left / noise).sum()),
            float((sums.count * np.log(noise)).sum()),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """Posterior in units of the scales: w = (β − b) / main, z = δ / own. Leading axes are those of `cross`."""

    theta: FloatArray  # (…, V, F) mean of main·w + own·z
    w: FloatArray  # (…, F)
    z: FloatArray  # (…, V, F)
    shared: FloatArray  # (F, F) covariance of w
    inverse: FloatArray  # (V, F, F) covariance of z given w
    through: FloatArray  # (V, F, F) what an increase of w takes off z
    scaled: FloatArray  # (V, F, F) precision of z given w
    fit: float  # what the weights explain of Σ r² / σ²


def _solve(problem: _Problem, main: FloatArray, own: FloatArray) -> _Solved:
    """The Gaussian posterior when scales and noise are known. Scaled by them, every matrix is 1 plus something
    positive: well conditioned, also where a scale is next to nothing."""
    eye = np.eye(len(main))
    half = own[:, None] * problem.gram
    scaled = eye + half * own
    inverse = np.asarray(np.linalg.inv(scaled), dtype=np.float64)
    pull = inverse @ half
    target = own * problem.cross
    z0 = (inverse @ target[..., None])[..., 0]
    left = (problem.gram - half.transpose(0, 2, 1) @ pull).sum(axis=0)
    h = main * (problem.cross - (z0[..., None, :] @ half)[..., 0, :]).sum(axis=-2)
    shared = np.linalg.inv(eye + main[:, None] * left * main)
    w = h @ shared
    through = pull * main
    z = z0 - (through @ w[..., None, :, None])[..., 0]
    fit = float((target * z0).sum() + (h * w).sum())
    return _Solved((main * w)[..., None, :] + own * z, w, z, shared, inverse, through, scaled, fit)


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
        through = ((found.through @ found.shared) * found.through).sum(axis=2)
        each = (found.z**2 + found.inverse.diagonal(axis1=1, axis2=2) + through - 1).sum(axis=0)
        slope = np.concatenate([np.bincount(group, ones, count), np.bincount(group, each, count)])
        size = problem.size + np.linalg.slogdet(found.scaled)[1].sum() - np.linalg.slogdet(found.shared)[1]
        likelihood = -0.5 * (problem.fit - found.fit + float(size))
        return 0.5 * float(logs @ logs) / spread**2 - likelihood, logs / spread**2 - slope

    begin = np.log(now / start).ravel()
    found = minimize(
        loss,
        begin,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-3, 3)] * len(begin),
        options={"maxiter": 12, "ftol": 1e-4},
    )
    return np.asarray(start * np.exp(found.x.reshape(2, count)))


def _scales(name: str, prior: Prior) -> tuple[float, float]:
    if not name:
        return prior.level_sd, prior.own_sd
    return prior.main_sd, prior.interaction_sd if CROSS in name else prior.feature_sd


def _first_noise(sums: Weighed, prior: Prior) -> FloatArray:
    total = float(sums.count.sum())
    mean = float(sums.cross[:, 0].sum()) / max(total, 1.0)
    overall = (float(sums.squares.sum()) - total * mean**2 + _NOISE_WEIGHT * prior.noise_sd**2) / (
        total + _NOISE_WEIGHT
    )
    return np.full(len(sums.count), max(overall, 1e-12))


def _noise(
    sums: Weighed, expected: FloatArray, solved: _Solved, main: FloatArray, own: FloatArray, prior: Prior
) -> FloatArray:
    """(V,) expected squared residual, each variant's shrunk a little towards that of all."""
    theta = expected + solved.theta
    away = (sums.gram @ theta[..., None])[..., 0]
    left = sums.squares - 2 * (sums.cross * theta).sum(axis=1) + (away * theta).sum(axis=1)
    free = main * np.eye(len(main)) - own[:, None] * solved.through  # (V, F, F) ∂θ/∂w
    covariance = own[:, None] * solved.inverse * own + free @ solved.shared @ free.transpose(0, 2, 1)
    left = left.clip(min=0) + (sums.gram * covariance).sum(axis=(1, 2))
    total = float(sums.count.sum())
    overall = (float(left.sum()) + _NOISE_WEIGHT * prior.noise_sd**2) / (total + _NOISE_WEIGHT)
    return np.asarray(np.maximum((left + _NOISE_WEIGHT * overall) / (sums.count + _NOISE_WEIGHT), 1e-12))


def _root(covariance: FloatArray) -> FloatArray:
    """R with R Rᵀ = covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(values.clip(min=0))[..., None, :])
