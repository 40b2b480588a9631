"""How often customers buy and whether they still do: the BG/NBD model.

in   counts of customers by (x, t_x, T): repeat order days, weeks from the first to the last order, weeks known
out  Bgnbd: four parameters with their uncertainty; chances and expectations for any customer

While alive, a customer orders at random with rate λ; after each order they leave for good with chance p. λ
varies over customers as Gamma(r, α), p as Beta(a, b). Fader, Hardie and Lee, "'Counting Your Customers' the
Easy Way", Marketing Science 24(2), 2005: likelihood eq. 6, conditional expectation eq. 10. The hypergeometric
function there overflows for frequent buyers; Euler's transformation (Abramowitz and Stegun 15.3.3) moves the
large exponents out. A customer without a repeat order cannot have left in this model: p_alive is 1, and the
expectation falls with time.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln, hyp2f1

from omnimix.audience.value.record import Parameter

FloatArray = npt.NDArray[np.float64]
NAMES = ("r", "alpha", "a", "b")
LOG_BOUNDS = ((-12.0, 12.0), (-12.0, 12.0), (-12.0, 5.0), (-12.0, 5.0))
"""Of the parameters' logarithms; an a and b beyond would only say that everybody leaves with the same chance."""
_STEP = 1e-4  # of the central differences, in log-parameters


@dataclass(frozen=True, slots=True)
class Bgnbd:
    """Fitted parameters; time in weeks. `covariance` is that of their logarithms (observed information)."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int
    covariance: tuple[tuple[float, ...], ...]

    @property
    def values(self) -> FloatArray:
        """The parameters in the order of NAMES."""
        return np.array([self.r, self.alpha, self.a, self.b])

    def parameters(self) -> tuple[Parameter, ...]:
        """Each parameter with its standard error."""
        spread = np.sqrt(np.diag(np.array(self.covariance)))
        return tuple(
            Parameter(n, float(v), float(v * s)) for n, v, s in zip(NAMES, self.values, spread, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """`n` customers for each different (x, t_x, T), sorted; all that the likelihood needs."""

    x: FloatArray
    t_x: FloatArray  # weeks
    age: FloatArray  # T, weeks
    n: FloatArray


def fit_bgnbd(counts: Counts) -> Bgnbd:
    """Maximum likelihood. The same counts give the same result.

    Raises ArithmeticError when the likelihood has no maximum to be found: there is nothing to learn from.
    """
    weight = counts.n.sum()

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        value, slope = log_likelihood(np.exp(logs), counts)
        return -value / weight, -slope * np.exp(logs) / weight

    weeks = float((counts.age * counts.n).sum() / weight)
    start = np.log([0.5, max(weeks / 4, 0.1), 1.0, 2.0])
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=LOG_BOUNDS,
        options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500},
    )
    if not np.isfinite(found.fun):
        raise ArithmeticError("the likelihood of the purchase model has no maximum")
    r, alpha, a, b = (float(v) for v in np.exp(found.x))
    return Bgnbd(r, alpha, a, b, float(-found.fun * weight), int(weight), _covariance(found.x, counts))


def _covariance(logs: FloatArray, counts: Counts) -> tuple[tuple[float, ...], ...]:
    """Inverse of the observed information of the log-parameters, by central differences of the gradient.

    A direction that the data say nothing about gets a wide but finite spread.
    """

    def slope(at: FloatArray) -> FloatArray:
        return log_likelihood(np.exp(at), counts)[1] * np.exp(at)

    information = np.array([(slope(logs - d) - slope(logs + d)) / (2 * _STEP) for d in np.eye(4) * _STEP])
    size, direction = np.linalg.eigh((information + information.T) / 2)
    inverse = (direction / np.maximum(size, 0.25)) @ direction.T
    return tuple(tuple(float(v) for v in row) for row in inverse)


def log_likelihood(parameters: FloatArray, counts: Counts) -> tuple[float, FloatArray]:
    """Log-likelihood of all customers and its gradient by (r, α, a, b)."""
    r, alpha, a, b = parameters
    x, n = counts.x, counts.n
    kinds, back = np.unique(x, return_inverse=True)  # gamma functions of few different counts
    repeat = x > 0
    base = gammaln(r + kinds) - gammaln(r) + gammaln(a + b) + gammaln(b + kinds) - gammaln(b)
    base += r * np.log(alpha) - gammaln(a + b + kinds)
    log_age, log_last = np.log(alpha + counts.age), np.log(alpha + counts.t_x)
    alive = -(r + x) * log_age
    before = np.maximum(b + x - 1, 1e-300)  # only read where x > 0
    left = np.where(repeat, np.log(a) - np.log(before) - (r + x) * log_last, -np.inf)
    both = np.logaddexp(alive, left)
    gone = np.exp(left - both)
    by_r = (digamma(r + kinds) - digamma(r))[back] + np.log(alpha) - (1 - gone) * log_age - gone * log_last
    by_alpha = r / alpha - (r + x) * ((1 - gone) / (alpha + counts.age) + gone / (alpha + counts.t_x))
    total = digamma(a + b) - digamma(a + b + kinds)
    by_a = total[back] + gone / a
    by_b = (total + digamma(b + kinds) - digamma(b))[back] - np.where(repeat, gone / before, 0.0)
    value = float((n * (base[back] + both)).sum())
    return value, np.array([float((n * by).sum()) for by in (by_r, by_alpha, by_a, by_b)])


def p_alive(parameters: FloatArray, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
    """Chance that a customer has not left: 1 without a repeat order. Broadcasts; `parameters` is (4, …)."""
    r, alpha, a, b = parameters
    odds = np.log(a) - np.log(np.maximum(b + x - 1, 1e-300)) + (r + x) * np.log((alpha + age) / (alpha + t_x))
    alive: FloatArray = np.where(x > 0, expit(-odds), 1.0)
    return alive


def expected_orders(model: Bgnbd, x: FloatArray, t_x: FloatArray, age: FloatArray, weeks: float) -> FloatArray:
    """Expected order days in the next `weeks`, given the history (eq. 10)."""
    r, alpha, b = model.r, model.alpha, model.b
    a = model.a if abs(model.a - 1) > 1e-6 else 1 + 1e-6  # the limit at 1 is smooth, the formula is not
    z = weeks / (alpha + age + weeks)
    moved = a - 1 < r + x  # of the two equal forms the one with the smaller exponent
    power, first, second = (
        np.where(moved, one, other) for one, other in ((a - 1, r + x), (a + b - 1 - r, r + x), (a - 1, b + x))
    )
    with np.errstate(over="ignore", invalid="ignore"):
        tail = (1 - z) ** power * hyp2f1(first, second, a + b + x - 1, z)
    tail = np.where(np.isfinite(tail), tail, 0.0)  # both exponents so large that nobody is left in the end
    expected: FloatArray = (a + b + x - 1) / (a - 1) * (1 - tail) * p_alive(model.values, x, t_x, age)
    return np.maximum(expected, 0.0)
