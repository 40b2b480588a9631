"""Features of the moment: what of a person and a call goes into x, declared in TOML, bounded, never sensitive.

in   FeatureRules (`[moment]` of omnimix.toml); a State, the context of a call, the instant
out  x: (F,) float32, the intercept first, every value a multiple of 2⁻¹⁰ in [−1, 1]

A *number* is clipped to its bounds and laid on [−1, 1], unknown is 0, the middle. A *flag* is 0 or 1. A *level* has
a column for each of its levels; any other value is 0 in all of them. Interactions are products of two features'
columns.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from omnimix.audience.segment.sensitive import is_sensitive
from omnimix.core.errors import InvalidInput
from omnimix.core.record import config

INTERCEPT = "always"
UNIT = 2.0**-10  # x comes in multiples of it
MOST_COLUMNS = 1024
KINDS = ("number", "flag", "level")


@config
class Feature:
    """One declared feature.

    `source`: `context.<field>` (what the call says: device, page, region …), `state.<field>` (standing: segment,
    stage, country; live: recency_days, tenure_days, orders, basket …), `trait.<name>` (what the last run published),
    `count.<event>.<days>` (events of that name in the last 1–28 days), `category.<name>` (share of the person's
    views), `time.<hour|weekday|daypart|weekend>` (in the workspace's time zone).
    """

    source: str
    kind: Literal["number", "flag", "level"] = "number"
    low: float = 0.0  # of a number
    high: float = 1.0
    log: bool = False  # of a number: laid out by log(1 + value − low)
    levels: tuple[str, ...] = ()  # of a level; left out, the commonest of the last run


@config
class FeatureRules:
    """What x is made of: features by name, and pairs of names whose product counts."""

    features: Mapping[str, Feature] = field(default_factory=dict)
    interactions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Compiled rules: `names` (F,), and `vector(state, context, now_us)` → x (F,)."""

    names: tuple[str, ...]
    vector: Callable[[Any, Mapping[str, Any], int], npt.NDArray[np.float32]]


def compiled(rules: FeatureRules, *, timezone: str = "UTC") -> Features:
    """Make the rules fast to apply: some µs for 32 columns. Raises InvalidInput for rules that cannot be."""
    raise NotImplementedError
