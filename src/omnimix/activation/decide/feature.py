"""Features of the moment: what of a person and a call goes into x, declared in TOML, bounded, never sensitive.

in   FeatureRules (`[moment]` of omnimix.toml); a State, the context of a call, the instant
out  x: (F,) float32, the intercept first, every value a multiple of 2⁻¹⁰ in [−1, 1]

A *number* is clipped to its bounds and laid on [−1, 1], unknown is 0, the middle. A *flag* is 0 or 1. A *level*
has a column for each of its levels; any other value is 0 in all of them. Interactions are products of two
features' columns.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from omnimix.activation.decide import observe
from omnimix.activation.decide.observe import Context
from omnimix.activation.decide.state import State
from omnimix.audience.segment.sensitive import is_sensitive
from omnimix.core.errors import InvalidInput
from omnimix.core.record import config

INTERCEPT = "always"
CROSS = " × "  # between the names of what interacts
UNIT = 2.0**-10  # x comes in multiples of it
MOST_COLUMNS = 1024
MOST_LEVELS = 100

Vector = npt.NDArray[np.float32]


@config
class Feature:
    """One declared feature.

    `source`: `context.<field>` (what the call says: device, page, region …), `state.<field>` (standing: segment,
    stage, country; live: `observe.DERIVED`), `trait.<name>` (what the last run published), `count.<event>.<days>`
    (events of that name in the last 1–28 days, spaces as underscores), `category.<name>` (share of the person's
    views), `time.<hour|weekday|daypart|weekend>` (in the workspace's time zone).
    """

    source: str
    kind: Literal["number", "flag", "level"] = "number"
    low: float = 0.0  # of a number
    high: float = 1.0
    log: bool = False  # of a number: laid out by log(1 + value − low)
    levels: tuple[str, ...] = ()  # of a level; left out: segments and stages as the last run knows them


@config
class FeatureRules:
    """What x is made of: features by name, and pairs of names whose product counts."""

    features: Mapping[str, Feature] = field(default_factory=lambda: STANDARD)
    interactions: tuple[tuple[str, str], ...] = (("device", "daypart"),)  # left out: this one, where both are

    def __post_init__(self) -> None:
        for name, feature in self.features.items():
            _check(name, feature)
        for pair in self.interactions:
            for name in pair:
                if name not in self.features and pair != ("device", "daypart"):
                    raise InvalidInput(
                        f"{name!r} is no declared feature",
                        where="moment.interactions",
                        fix=f"choose from {', '.join(self.features) or 'none yet'}",
                    )


STANDARD: Mapping[str, Feature] = {
    "device": Feature(source="context.device", kind="level", levels=("mobile", "desktop", "tablet")),
    "daypart": Feature(source="time.daypart", kind="level", levels=("night", "morning", "afternoon", "evening")),
    "weekend": Feature(source="time.weekend", kind="flag"),
    "segment": Feature(source="state.segment", kind="level"),
    "stage": Feature(source="state.stage", kind="level"),
    "known": Feature(source="state.known", kind="flag"),
    "recency": Feature(source="state.seen_days", low=0, high=90, log=True),
    "since order": Feature(source="state.ordered_days", low=0, high=365, log=True),
    "basket": Feature(source="state.basket", low=0, high=5),
    "views": Feature(source="count.product_viewed.7", low=0, high=30, log=True),
    "added": Feature(source="count.product_added.7", low=0, high=10, log=True),
    "orders": Feature(source="count.order_completed.28", low=0, high=5),
    "p_buy": Feature(source="trait.p_buy", low=0, high=1),
}
"""Where nothing is declared. Segments and stages get their levels from the last run."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Compiled rules: `names` and `classes` (F,), and `vector(state, context, now_us)` → x (F,).

    The class of a column is the feature, or pair of features, it belongs to; "" for the intercept.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    vector: Callable[[State, Context, int], Vector]


def with_levels(rules: FeatureRules, known: Mapping[str, Sequence[str]]) -> FeatureRules:
    """`rules` with the levels of those that declare none, by source: `{"state.segment": [...]}`."""
    filled = {
        name: replace(f, levels=tuple(known.get(f.source, ()))[:MOST_LEVELS])
        if f.kind == "level" and not f.levels
        else f
        for name, f in rules.features.items()
    }
    return FeatureRules(features=filled, interactions=rules.interactions)


def compiled(rules: FeatureRules, *, timezone: str = "UTC") -> Features:
    """Make the rules fast to apply: some µs for 32 columns. Raises InvalidInput for more than 1,024 columns.

    `timezone` (IANA) is the one that hours and weekdays are meant in.
    """
    names, classes = [INTERCEPT], [""]
    parts: list[_Part] = []
    timed: list[_Part] = []
    at: dict[str, range] = {}
    for name, feature in rules.features.items():
        levels = [f"{name}={level}" for level in feature.levels] if feature.kind == "level" else [name]
        at[name] = range(len(names), len(names) + len(levels))
        of = timed if feature.source.startswith("time.") else parts
        of.append(_part(feature, len(names), timezone))
        names += levels
        classes += [name] * len(levels)
    crossing = [pair for pair in rules.interactions if at.keys() >= set(pair)]
    pairs = [(a, b) for one, other in crossing for a in at[one] for b in at[other]]
    classes += [CROSS.join(pair) for pair in crossing for _a in at[pair[0]] for _b in at[pair[1]]]
    names += [f"{names[a]}{CROSS}{names[b]}" for a, b in pairs]
    if len(names) > MOST_COLUMNS:
        raise InvalidInput(
            f"{len(names)} columns of features", where="moment", fix=f"declare at most {MOST_COLUMNS}"
        )
    crossed, start = [], len(names) - len(pairs)
    for one, other in crossing:
        crossed.append((at[one], at[other], start))
        start += len(at[one]) * len(at[other])
    return Features(tuple(names), tuple(classes), _vector(parts, timed, len(names), crossed))


# What a feature writes into the columns of one x.
_Part = Callable[[list[float], State, Context, int], None]


def _vector(
    parts: Sequence[_Part], timed: Sequence[_Part], count: int, crossed: Sequence[tuple[range, range, int]]
) -> Callable[[State, Context, int], Vector]:
    nobody = State("")

    @lru_cache(maxsize=64)
    def begun(quarter: int) -> list[float]:
        """What the clock alone says, the same for everybody."""
        x = [0.0] * count
        x[0] = 1.0
        for part in timed:
            part(x, nobody, {}, quarter * observe.QUARTER_US)
        return x

    def vector(state: State, context: Context, now_us: int) -> Vector:
        x = begun(now_us // observe.QUARTER_US).copy()
        for part in parts:
            part(x, state, context, now_us)
        for one, other, at in crossed:  # most columns are levels that do not hold
            for a in one:
                if x[a]:
                    for place, b in enumerate(other, at + (a - one.start) * len(other)):
                        if x[b]:
                            x[place] = round(x[a] * x[b] / UNIT) * UNIT
        return np.array(x, dtype=np.float32)

    return vector


def _part(feature: Feature, at: int, timezone: str) -> _Part:
    value = observe.reader(feature.source, timezone)
    if feature.kind == "level":
        return _level(value, {level: at + i for i, level in enumerate(feature.levels)})
    if feature.kind == "flag":
        return _flag(value, at)
    return _number(value, at, feature.low, feature.high, log=feature.log)


def _level(value: observe.Reader, places: Mapping[str, int]) -> _Part:
    def part(x: list[float], state: State, context: Context, now_us: int) -> None:
        if (place := places.get(value(state, context, now_us))) is not None:  # type: ignore[arg-type]
            x[place] = 1.0

    return part


def _flag(value: observe.Reader, at: int) -> _Part:
    def part(x: list[float], state: State, context: Context, now_us: int) -> None:
        if value(state, context, now_us):
            x[at] = 1.0

    return part


def _number(value: observe.Reader, at: int, low: float, high: float, *, log: bool) -> _Part:
    half = 1 / UNIT
    if log:
        wide = 2 * half / math.log1p(high - low)

        def logged(x: list[float], state: State, context: Context, now_us: int) -> None:
            found = value(state, context, now_us)
            if isinstance(found, int | float) and found == found:  # neither absent nor NaN
                inside = low if found < low else min(found, high)
                x[at] = round(math.log1p(inside - low) * wide - half) * UNIT

        return logged
    scale = 2 * half / (high - low)

    def part(x: list[float], state: State, context: Context, now_us: int) -> None:
        found = value(state, context, now_us)
        if isinstance(found, int | float) and found == found:
            inside = low if found < low else min(found, high)
            x[at] = round((inside - low) * scale - half) * UNIT

    return part


def _check(name: str, feature: Feature) -> None:
    where = f"moment.features.{name}"
    words = [feature.source, name]
    if any(is_sensitive(w, column=True) for w in words) or any(is_sensitive(level) for level in feature.levels):
        raise InvalidInput(
            "a sensitive attribute, or what stands in for one, is never used to choose what somebody sees",
            where=where,
            fix="leave the feature out",
        )
    if CROSS.strip() in name or not name.strip():
        raise InvalidInput("not a name for a feature", where=where, fix="use letters")
    observe.check(feature.source, where)
    if feature.kind == "number" and not (
        math.isfinite(feature.low) and math.isfinite(feature.high) and feature.low < feature.high
    ):
        raise InvalidInput(
            f"bounds {feature.low:g} to {feature.high:g}", where=where, fix="give a low below a high"
        )
    if len(set(feature.levels)) < len(feature.levels) or len(feature.levels) > MOST_LEVELS:
        raise InvalidInput(
            "levels are named twice, or too many", where=where, fix=f"give at most {MOST_LEVELS} different ones"
        )
    if feature.levels and feature.kind != "level":
        raise InvalidInput(f"a {feature.kind} has no levels", where=where, fix='kind = "level"')
