"""How much a customer's order is worth, and how much of it goes back.

in   per customer: days with an order, their mean margin, refunds
out  Spend (Gamma-Gamma) and Refunds; expectations for any customer

Margin per order day is Gamma(p, ν), ν varies over customers as Gamma(q, γ): Fader, Hardie and Lee, "RFM and
CLV: Using Iso-Value Curves", Journal of Marketing Research 42(4), 2005; likelihood as in Fader and Hardie, "The
Gamma-Gamma Model of Monetary Value", 2013, eq. 1a. It knows no negative amounts, so that refunds are a share of
their own, shrunk towards that of everybody by the moments of the beta-binomial (Kleinman, JASA 68, 1973), an
order day being one trial.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from omnimix.audience.value.record import Parameter

FloatArray = npt.NDArray[np.float64]
_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Spend:
    """Fitted Gamma-Gamma; gamma in the unit of the means. q is above 1, so that there is a mean."""

    p: float
    q: float
    gamma: float
    log_likelihood: float
    customers: int
    errors: tuple[float, ...]

    def parameters(self) -> tuple[Parameter, ...]:
        """Each parameter with its standard error."""
        values = (self.p, self.q, self.gamma)
        return tuple(Parameter(n, v, e) for n, v, e in zip(("p", "q", "gamma"), values, self.errors, strict=True))

    def expected(self, n: FloatArray, mean: FloatArray) -> FloatArray:
        """Expected margin of an order of customers who had `n` orders of `mean`; n may be 0."""
        expected: FloatArray = self.p * (self.gamma + n * mean) / (self.p * n + self.q - 1)
        return expected


def fit_spend(n: FloatArray, mean: FloatArray) -> Spend:
    """Maximum likelihood over the customers with a mean above 0.

    Raises ArithmeticError when there are none.
    """
    kept = (n > 0) & (mean > 0)
    if not kept.any():
        raise ArithmeticError("no order brought a margin")
    n, mean = n[kept], mean[kept]
    unit = float(mean.mean())  # amounts around 1 keep the search well scaled
    mean = mean / unit

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        value, slope = _likelihood(logs, n, mean)
        return -value / len(n), -slope / len(n)

    found = minimize(
        loss,
        np.log([2.0, 2.0, 1.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-6, 12), (-3, 12), (-12, 12)],
        options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500},
    )
    p, above, gamma = (float(v) for v in np.exp(found.x))
    information = np.array(
        [
            (_likelihood(found.x - d, n, mean)[1] - _likelihood(found.x + d, n, mean)[1]) / (2 * _STEP)
            for d in np.eye(3) * _STEP
        ]
    )
    size, direction = np.linalg.eigh((information + information.T) / 2)
    spread = np.sqrt(np.diag((direction / np.maximum(size, 0.25)) @ direction.T))
    errors = (p * spread[0], above * spread[1], gamma * unit * spread[2])
    value = float(-found.fun * len(n)) - float(np.log(unit)) * len(n)
    return Spend(p, 1 + above, gamma * unit, value, len(n), tuple(float(e) for e in errors))


def _likelihood(logs: FloatArray, n: FloatArray, mean: FloatArray) -> tuple[float, FloatArray]:
    """Log-likelihood and its gradient by (ln p, ln(q − 1), ln γ)."""
    p, above, gamma = np.exp(logs)
    q, shape = 1 + above, p * n
    total = np.log(gamma + n * mean)
    value = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(gamma)
    value += (shape - 1) * np.log(mean) + shape * np.log(n) - (shape + q) * total
    both = digamma(shape + q)
    by_p = n * (both - digamma(shape) + np.log(n * mean) - total)
    by_q = both - digamma(q) + np.log(gamma) - total
    by_gamma = q / gamma - (shape + q) / (gamma + n * mean)
    slope = np.array([by_p.sum() * p, by_q.sum() * above, by_gamma.sum() * gamma])
    return float(value.sum()), slope


@dataclass(frozen=True, slots=True)
class Refunds:
    """The share of margin that goes back: of everybody, and how many orders of one's own weigh as much."""

    share: float
    error: float
    strength: float

    def expected(self, n: FloatArray, margin: FloatArray, refund: FloatArray) -> FloatArray:
        """The share to expect of customers with `n` orders: their own, shrunk; within [0, 1]."""
        own = _share(margin, refund)
        expected: FloatArray = (self.strength * self.share + n * own) / (self.strength + n)
        return expected


def fit_refunds(n: FloatArray, margin: FloatArray, refund: FloatArray) -> Refunds:
    """Mean and strength from the spread of the customers' own shares. `n` is 1 or more."""
    own = _share(margin, refund)
    mean = float((n * own).sum() / n.sum())
    if not 0 < mean < 1:
        return Refunds(mean, 0.0, 1.0)
    error = float(np.sqrt((n**2 * (own - mean) ** 2).sum()) / n.sum())
    binomial = mean * (1 - mean)
    spread = float((n * (own - mean) ** 2).sum() / n.sum()) / binomial
    once = len(n) / float(n.sum())  # what chance alone gives, as a share of the binomial's variance
    alike = max((spread - once) / (1 - once), 1e-3) if once < 1 else 1e-3  # correlation within a customer
    strength = max(1 / alike - 1, 0.5)
    return Refunds(mean, error, strength)


def _share(margin: FloatArray, refund: FloatArray) -> FloatArray:
    share: FloatArray = np.clip(refund / np.maximum(margin, 1.0), 0.0, 1.0)
    return share
