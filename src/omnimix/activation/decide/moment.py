"""The moment model as it is served: the chance of each variant in a context, its score, and what made the score.

in   a Moment (made by measurement), a feature vector x, the places of the variants that may be shown
out  chances that sum to 1, scores in minor units of margin, contributions that add up to a score

Choices are Thompson sampling (Thompson 1933, Biometrika 25) from an ensemble of K posterior draws (Lu & Van Roy
2017): the chance of a variant is the share of the draws in which it is the best of those that may be shown, mixed
with an even floor. The choice is drawn from these chances, so what is logged is the true probability.

Every number is the same to the last bit on every machine, alone or in a batch. x comes in multiples of 2⁻¹⁰
between −1 and 1, weights in multiples of a power of two below 2²⁴ of them: all products and sums fit into the 53
bits of a float, nothing is ever rounded, and the order of additions does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import msgspec
import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.feature import FeatureRules
from omnimix.core.errors import InvalidInput
from omnimix.core.hashing import stable_id

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

FLOOR = 0.005  # share of choices made evenly among the eligible, so that no probability is ever 0
_BITS = 24  # of a weight; with 11 of x and the sum over F < 2¹⁸ features they fit into a float's 53
_BLOCK = 1 << 20  # scores worked out at once in a batch: 8 MB


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What was learnt of V variants on F features. The intercept is the first feature, always 1."""

    version: str  # depends on the content alone
    rules: FeatureRules  # what x is made of
    features: tuple[str, ...]  # (F,)
    variants: tuple[str, ...]  # (V,) variant ids
    mean: FloatArray  # (V, F) posterior means, minor units of margin per decision
    draws: FloatArray  # (F, V·K) K posterior draws of each variant's weights, less what variants share; v·K + k
    floor: float = FLOOR

    @property
    def count(self) -> int:
        """K, the draws of the ensemble."""
        return int(self.draws.shape[1]) // max(1, len(self.variants))


def moment_of(
    rules: FeatureRules,
    features: Sequence[str],
    variants: Sequence[str],
    mean: FloatArray,
    draws: FloatArray,
    *,
    floor: float = FLOOR,
) -> Moment:
    """A Moment from a posterior: `mean` (V, F), `draws` (K, V, F). Weights are rounded to 24 bits of the largest.

    Raises InvalidInput on shapes that disagree and on a floor outside [0, 1].
    """
    shape = (len(variants), len(features))
    if mean.shape != shape or draws.shape[1:] != shape or not len(draws):
        raise InvalidInput(f"means {mean.shape} and draws {draws.shape} for {shape} weights", where="moment")
    if not 0 <= floor <= 1:
        raise InvalidInput(f"a floor of {floor}", where="moment.floor", fix="give a share between 0 and 1")
    own = draws - draws.mean(axis=1, keepdims=True)  # what all variants share decides nothing
    flat = _whole(own).transpose(2, 1, 0).reshape(shape[1], -1)
    made = Moment("", rules, tuple(features), tuple(variants), _whole(mean), np.ascontiguousarray(flat), floor)
    return replace(made, version=stable_id("moment", msgspec.msgpack.encode(_shipped(made)).hex()))


def chances(moment: Moment, x: npt.NDArray[np.float32], columns: IntArray) -> FloatArray:
    """(len(columns),) the chance of each variant that may be shown, by its place. They sum to 1, none is 0.

    `x` (F,) is a vector of `Features`. O(F · V · K): some 25 µs for 32 features, 20 variants, 128 draws.
    """
    count = len(columns)
    if count <= 1:
        return np.ones(count)
    drawn = np.dot(x.astype(np.float64), moment.draws).reshape(len(moment.variants), -1)
    if count < len(drawn):
        drawn = drawn[columns]
    won = (drawn == np.maximum.reduce(drawn)).astype(np.float32)
    wins = np.dot(won, _ones(won.shape[1])).astype(np.float64)  # a product with ones counts fastest; it is exact
    return np.asarray(wins / wins.sum() * (1 - moment.floor) + moment.floor / count)


@cache
def _ones(count: int) -> npt.NDArray[np.float32]:
    return np.ones(count, dtype=np.float32)


def chances_many(moment: Moment, x: npt.NDArray[np.float32], masks: BoolArray) -> FloatArray:
    """(N, V) `chances` of N decisions at once, 0 where a variant may not be shown; `x` (N, F), `masks` (N, V).

    Equal to `chances` to the last bit. A row of which nothing may be shown is all 0.
    """
    out = np.zeros(masks.shape)
    variants = len(moment.variants)
    step = max(1, _BLOCK // moment.draws.shape[1])
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        mask = masks[part]
        drawn = (x[part].astype(np.float64) @ moment.draws).reshape(len(mask), variants, -1)
        drawn[~mask] = -np.inf
        won = drawn == np.maximum.reduce(drawn, axis=1)[:, None, :]
        wins = np.count_nonzero(won, axis=2) * mask
        count = mask.sum(axis=1, keepdims=True)
        fair = wins / np.maximum(wins.sum(axis=1, keepdims=True), 1) * (1 - moment.floor)
        out[part] = np.where(count > 1, fair + moment.floor / np.maximum(count, 1), 1.0) * mask
    return out


def scores(moment: Moment, x: npt.NDArray[np.float32]) -> FloatArray:
    """(V,) or (N, V) expected margin of a decision for each variant, minor units; `x` (F,) or (N, F)."""
    return np.asarray(x.astype(np.float64) @ moment.mean.T)


def contributions(moment: Moment, x: npt.NDArray[np.float32], variant: int) -> list[tuple[str, float]]:
    """What each feature adds to the score of the variant at that place, largest first; they sum to it exactly.

    Features at 0 add nothing and are left out.
    """
    points = moment.mean[variant] * x
    order = sorted(np.nonzero(x)[0].tolist(), key=lambda f: (-abs(points[f]), f))
    return [(moment.features[f], float(points[f])) for f in order]


def to_bytes(moment: Moment) -> bytes:
    """msgpack; `from_bytes` gives the same model to the last bit."""
    return msgspec.msgpack.encode([moment.version, *_shipped(moment)])


def from_bytes(content: bytes) -> Moment:
    """The inverse of `to_bytes`. Raises InvalidInput for anything else."""
    try:
        version, rules, features, variants, floor, mean, draws = msgspec.msgpack.decode(content, type=_SHIPPED)
        shape = (len(variants), len(features))
        return Moment(
            version=version,
            rules=rules,
            features=features,
            variants=variants,
            mean=_unpacked(mean).reshape(shape),
            draws=_unpacked(draws).reshape(shape[1], -1),
            floor=floor,
        )
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidInput(f"this is no moment model: {error}", where="moment", fix="publish it again") from error


class _Packed(msgspec.Struct, array_like=True):
    """Whole multiples of 2 ** power, little-endian 32-bit."""

    power: int
    whole: bytes


_SHIPPED = tuple[str, FeatureRules, tuple[str, ...], tuple[str, ...], float, _Packed, _Packed]


def _shipped(moment: Moment) -> list[object]:
    weights = [_packed(moment.mean), _packed(moment.draws)]
    return [moment.rules, moment.features, moment.variants, moment.floor, *weights]


def _power(values: FloatArray) -> int:
    """The exponent of the unit in which the largest value has 24 bits."""
    largest = float(np.abs(values).max(initial=0.0))
    return int(np.frexp(largest)[1]) - _BITS if largest else 0


def _whole(values: FloatArray) -> FloatArray:
    unit, most = 2.0 ** _power(values), 2.0**_BITS - 1
    return np.asarray(np.clip(np.rint(values / unit), -most, most) * unit)


def _packed(values: FloatArray) -> _Packed:
    power = _power(values)
    return _Packed(power, np.rint(values / 2.0**power).astype("<i4").tobytes())


def _unpacked(packed: _Packed) -> FloatArray:
    return np.frombuffer(packed.whole, dtype="<i4") * 2.0**packed.power
