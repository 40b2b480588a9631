"""Fitting a snapshot: the posterior of each variant's margin per exposed profile-week, in each segment.

in   reward sums, order counts by delay, a prior, the rungs that segments are promoted to
out  a Snapshot

Orders of young weeks are divided by the share of them that should be known by now (`lag`); a week of which
less than half is known is left out. Rungs are normalised apart before they are added: a variant's chance
differs between rungs because they choose from pools of different size, which says nothing about the people,
who were drawn at random.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omnimix.activation.decide.pooling import Prior, belief
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.hashing import digest, stable_id
from omnimix.measurement.learn.lag import matured
from omnimix.measurement.learn.rewards import WEIGHT_UNIT
from omnimix.measurement.lift.stats import micros_per_minor

FloatArray = npt.NDArray[np.float64]

YOUNGEST = 0.5  # share of its orders that must be known for a week to count


def fit_snapshot(
    rewards: pa.Table,
    lags: pa.Table,
    *,
    campaign: str,
    now: datetime,
    weeks: int,
    segments: tuple[str, ...],
    variants: tuple[str, ...],
    briefs: tuple[str, ...],
    steps: tuple[int, ...],
    prior: Prior,
    promoted: Mapping[str, Rung],
    currency: str,
    ahead: FloatArray | None = None,
) -> Snapshot:
    """Fit from the rows of `reward_sums` and `lag_counts` over the same `weeks` weeks.

    `variants`, `briefs` and `steps` go together; segments that `promoted` does not name follow `broad`. The id
    depends on campaign, instant and content, so the same inputs give the same snapshot. `ahead`: (S, V)
    profile-weeks still to come (`pooling.even_ahead`); choices then explore only what those can resolve.
    """
    known = matured([(r["made"], r["known"], r["orders"]) for r in lags.to_pylist()], weeks=weeks)
    counts, sums, squares = cell_rewards(
        rewards, known, weeks=weeks, segments=segments, variants=variants, currency=currency
    )
    found = belief(counts, sums, squares, prior, ahead=ahead)
    follows = tuple(promoted.get(segment, Rung.BROAD) for segment in segments)
    content = digest([segments, variants, briefs, steps, follows, found.mean.tolist(), found.reachable.tolist()])
    return Snapshot(
        snapshot_id=stable_id("snap", campaign, now.isoformat(), content),
        campaign=campaign,
        made_at=now,
        segments=segments,
        variants=variants,
        briefs=briefs,
        steps=steps,
        mean=found.mean,
        covariance=found.covariance,
        promoted=follows,
        reachable=None if ahead is None else found.reachable,
    )


def cell_rewards(
    rewards: pa.Table,
    known: FloatArray,
    *,
    weeks: int,
    segments: tuple[str, ...],
    variants: tuple[str, ...],
    currency: str,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(S, V) effective profile-weeks, sums and sums of squares of rewards in minor units.

    `known` is the share of a week's orders known 0, 1, 2 … weeks after it. A weighted group counts as (Σw)² /
    Σw² profile-weeks (Kish, Survey Sampling, 1965, section 11.7), so uneven weights widen the posterior.
    """
    micros = micros_per_minor(currency)
    groups: dict[tuple[str, str, str], list[FloatArray]] = defaultdict(list)
    for row in sorted(rewards.to_pylist(), key=lambda r: (r["segment"], r["variant_id"], r["rung"], r["week"])):
        share = float(known[weeks - 1 - row["week"]])
        if share < YOUNGEST:
            continue
        w, ww = float(row["w"]) / WEIGHT_UNIT, float(row["ww"]) / WEIGHT_UNIT**2
        first = (float(row["wo"]) / share + float(row["wr"])) / WEIGHT_UNIT / micros
        second = float(row["woo"]) / share**2 + 2 * float(row["wor"]) / share + float(row["wrr"])
        cell = np.array([w, ww, first, second / WEIGHT_UNIT / micros**2])
        groups[row["segment"], row["variant_id"], row["rung"]].append(cell)
    place = {s: i for i, s in enumerate(segments)}, {v: i for i, v in enumerate(variants)}
    out = np.zeros((3, len(segments), len(variants)))
    for (segment, variant, _rung), cells in groups.items():
        if segment in place[0] and variant in place[1]:
            w, ww, first, second = np.sum(cells, axis=0)
            effective = w * w / ww
            at = place[0][segment], place[1][variant]
            out[:, at[0], at[1]] += effective * np.array([1.0, first / w, second / w])
    return out[0], out[1], out[2]
