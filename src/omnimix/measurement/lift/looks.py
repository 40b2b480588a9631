"""Looks: how the error is spent over the weeks, so that peeking every week stays honest.

in   an error rate, how many weekly looks are planned, which look this is
out  the part of the error that this look may use; the critical value that goes with it

Every week the same people are looked at again, so the looks depend on each other in a way that is not known
beforehand (regular buyers, delayed orders, fatigue). The union bound holds under any dependence: errors that
add up to the whole over the planned looks keep the chance of ever being wrong below the whole. It is the
error-spending idea of Lan and DeMets (Biometrika 70, 1983) without their assumption of independent
increments.
"""

import math

from scipy import special

from omnimix.core.errors import InvalidInput

FINAL_SHARE = 0.5  # of the error is kept for the last look, when most is known; the others share the rest


def spent(error: float, *, look: int, looks: int) -> float:
    """The part of `error` that the `look`-th of `looks` planned weekly looks may use (1-based).

    The parts add up to `error`. Raises InvalidInput for a look that was not planned: the error is used up.
    """
    if not 1 <= look <= looks:
        raise InvalidInput(
            f"look {look} is not among the {looks} planned",
            where="weekly looks",
            fix="start a new campaign: the error of this one is used up",
        )
    if looks == 1:
        return error
    return error * FINAL_SHARE if look == looks else error * (1 - FINAL_SHARE) / (looks - 1)


def critical(error: float, *, freedom: float = math.inf) -> float:
    """Student's t quantile that is exceeded with chance `error` (one-sided); normal for infinite `freedom`."""
    if math.isinf(freedom):
        return -float(special.ndtri(error))
    return -float(special.stdtrit(freedom, error))
