"""Sums that a moment model is fitted from: they add up, so a stream and a fresh start come to the same.

in   decisions: features x, the variant chosen, the day, the margin known so far
out  Sums: for each day and variant the sums of xxᵀ, x·reward and reward², whole numbers

x comes in multiples of 2⁻¹⁰ (`feature.UNIT`), rewards in 64ths of a minor unit; their sums are kept as integers.
Integers add without rounding, so any order and any cut into batches gives the same sums to the last bit. A margin
that becomes known later, a refund, or a sender found out as a robot is an amendment: what was added is taken off.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.feature import UNIT
from omnimix.core.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

REWARD_UNIT = 1 / 64  # minor units
MOST_REWARD = 1_000_000.0  # minor units of margin that one decision can teach; more counts as that much


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """Sums of one day's decisions, by variant."""

    count: IntArray  # (V,)
    gram: IntArray  # (V, F, F) Σ xxᵀ in UNIT²
    cross: IntArray  # (V, F) Σ x·reward in UNIT · REWARD_UNIT
    squares: IntArray  # (V,) Σ reward² in REWARD_UNIT²

    def __add__(self, other: "Day") -> "Day":
        return Day(*(a + b for a, b in zip(self._parts, other._parts, strict=True)))

    def __sub__(self, other: "Day") -> "Day":
        return Day(*(a - b for a, b in zip(self._parts, other._parts, strict=True)))

    @property
    def _parts(self) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        return self.count, self.gram, self.cross, self.squares

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return not any(part.any() for part in self._parts)


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Days (whole days since 1970 UTC) and what was decided on them. `a + b` of two batches; `a - b` undoes."""

    variants: int  # V
    features: int  # F
    days: Mapping[int, Day]

    def __add__(self, other: "Sums") -> "Sums":
        return self._joined(other, 1)

    def __sub__(self, other: "Sums") -> "Sums":
        return self._joined(other, -1)

    def _joined(self, other: "Sums", sign: int) -> "Sums":
        if (self.variants, self.features) != (other.variants, other.features):
            raise InvalidInput("sums of other variants or features cannot be added", where="moment")
        days = dict(self.days)
        for day, sums in other.days.items():
            before = days.get(day) or _nothing(self.variants, self.features)
            days[day] = before + sums if sign > 0 else before - sums
        return Sums(self.variants, self.features, {d: days[d] for d in sorted(days) if not days[d].empty})


def nothing(variants: int, features: int) -> Sums:
    """The sums of no decision."""
    return Sums(variants, features, {})


def summed(
    x: npt.NDArray[np.float32], place: IntArray, reward: FloatArray, day: IntArray, *, variants: int
) -> Sums:
    """Sums of N decisions: `x` (N, F) made by `Features`, `place` (N,) of the variant, `reward` (N,) minor units.

    Raises InvalidInput for x that is no multiple of UNIT in [−1, 1] and for a place that is none.
    """
    whole = np.rint(x / UNIT).astype(np.float64)
    if not ((np.abs(whole) <= 1 / UNIT) & (whole * UNIT == x)).all():
        raise InvalidInput("x holds values that `Features` never makes", where="moment")
    if len(place) and not ((place >= 0) & (place < variants)).all():
        raise InvalidInput("a place of a variant that is not there", where="moment")
    units = np.rint(np.clip(reward, -MOST_REWARD, MOST_REWARD) / REWARD_UNIT).astype(np.int64)
    days = {}
    for when in np.unique(day).tolist():
        rows = np.nonzero(day == when)[0]
        days[when] = _day(whole[rows], place[rows], units[rows], variants)
    return Sums(variants, x.shape[1], days)


def _day(x: FloatArray, place: IntArray, reward: IntArray, variants: int) -> Day:
    day = _nothing(variants, x.shape[1])
    for v in np.unique(place).tolist():
        rows = np.nonzero(place == v)[0]
        own, earned = x[rows], reward[rows]
        day.count[v] = len(rows)
        day.gram[v] = (own.T @ own).astype(np.int64)  # below 2⁵³ for 2³³ decisions: exact in floats
        paid = np.nonzero(earned)[0]
        day.cross[v] = own[paid].astype(np.int64).T @ earned[paid]
        day.squares[v] = earned[paid] @ earned[paid]
    return day


def _nothing(variants: int, features: int) -> Day:
    shapes = (variants,), (variants, features, features), (variants, features), (variants,)
    return Day(*(np.zeros(shape, dtype=np.int64) for shape in shapes))


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """Sums as a model sees them: days weighed by how much of them is known and how long ago they are."""

    count: FloatArray  # (V,) decisions
    gram: FloatArray  # (V, F, F)
    cross: FloatArray  # (V, F) minor units
    squares: FloatArray  # (V,) minor units²


def weighed(sums: Sums, *, today: int, known: FloatArray, keep: float = 1.0) -> Weighed:
    """Put the days together.

    `known` (D,) is the share of a day's margin known 0, 1, … days after (`lag.matured`); later days are known in
    full. A young day counts as that share of its decisions: the margin seen so far is then neither a failure nor
    projected. `keep` in (0, 1] is the discount of each day that has passed (forgetting).
    """
    out = Weighed(*(np.zeros(p.shape) for p in _nothing(sums.variants, sums.features)._parts))
    for day in sorted(sums.days):
        part, age = sums.days[day], max(0, today - day)
        past = keep**age
        share = past * (float(known[age]) if age < len(known) else 1.0)
        out.count[:] += share * part.count
        out.gram[:] += share * UNIT**2 * part.gram
        out.cross[:] += past * UNIT * REWARD_UNIT * part.cross
        out.squares[:] += past * REWARD_UNIT**2 * part.squares
    return out


def to_bytes(sums: Sums) -> bytes:
    """msgpack; `from_bytes` gives the same numbers."""
    days = [(day, [part.tobytes() for part in sums.days[day]._parts]) for day in sorted(sums.days)]
    return msgspec.msgpack.encode((sums.variants, sums.features, days))


def from_bytes(content: bytes) -> Sums:
    """The inverse of `to_bytes`."""
    variants, features, days = msgspec.msgpack.decode(content, type=tuple[int, int, list[tuple[int, list[bytes]]]])
    shapes = [part.shape for part in _nothing(variants, features)._parts]
    read = {
        day: Day(*(np.frombuffer(p, dtype=np.int64).reshape(s) for p, s in zip(parts, shapes, strict=True)))
        for day, parts in days
    }
    return Sums(variants, features, read)
