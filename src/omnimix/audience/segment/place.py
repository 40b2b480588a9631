"""Placing people in segments inside the engine: everybody, or only those whose features changed.

in   FEATURE rows as a table expression, a Segmentation, who meets which rule
out  expressions: profile_id, cluster; profile_id, segment, as_of

The same arithmetic as `scale.coordinates` and `cluster.members`, and the same answers row for row: coordinates and
distances are rounded to nine decimals, and of equally near centres the first is taken. Precedence: rule segments
that claim their people, in the order of `Segmentation.claims`; then the nearest cluster for people with an order;
then visitors yet to buy; then the rest.
"""

import datetime as dt
from collections.abc import Sequence

import ibis
from ibis.expr.types import BooleanValue, FloatingValue, Table

from omnimix.audience.segment.matrix import ABROAD
from omnimix.audience.segment.scale import Axis
from omnimix.audience.segment.segment import PROSPECTS, REST
from omnimix.audience.segment.segmentation import Segmentation

_DIGITS = 9


def figure(features: Table, column: str, *, home: str | None) -> FloatingValue:
    """A column of `Matrix` (`orders`, `category_share:Candles`, `abroad`, `stage:loyal`) as a number."""
    family, _sep, key = column.partition(":")
    if column == ABROAD:
        away = features["country"] != ibis.literal(home or "", "string")
        return away.fill_null(False).ifelse(1.0, 0.0)
    if family == "stage":
        return (features["stage"] == key).fill_null(False).ifelse(1.0, 0.0)
    if key:
        return features[family].get(key, 0.0).fill_null(0.0)
    return features[column].cast("float64")


def coordinate(features: Table, axis: Axis, *, home: str | None) -> FloatingValue:
    """One coordinate, as `scale.coordinates` works it out."""
    value = figure(features, axis.column, home=home) / axis.unit
    if axis.log:
        value = value.sign().cast("float64") * (value.abs() + 1.0).ln()
    clipped = ibis.least(
        ibis.greatest(value, ibis.literal(axis.low, "float64")), ibis.literal(axis.high, "float64")
    )
    return ((clipped - axis.centre) * axis.factor).round(_DIGITS)


def clusters_of(features: Table, segmentation: Segmentation) -> Table:
    """`profile_id, cluster`: where each profile belongs by its features alone, whatever rules say."""
    looked = (features["orders"] == 0) & (features["returns"] == 0) & (features["visits"] > 0)
    axes = {f"x{i}": coordinate(features, a, home=segmentation.home) for i, a in enumerate(segmentation.axes)}
    placed = features.select("profile_id", bought=features["orders"] > 0, looked=looked, **axes)
    cases: list[tuple[BooleanValue, str]] = []
    if segmentation.centres:
        placed = placed.select("profile_id", "bought", "looked", **_distances(placed, segmentation.centres))
        each = [placed[f"d{i}"] for i in range(len(segmentation.centres))]
        nearest = ibis.least(*each) if len(each) > 1 else each[0]
        placed = placed.mutate(nearest=nearest)
        cases = [
            (placed["bought"] & (placed[f"d{i}"] == placed["nearest"]), k) for i, k in enumerate(segmentation.keys)
        ]
    if any(s.key == PROSPECTS for s in segmentation.segments):
        cases.append((placed["looked"], PROSPECTS))
    cluster = ibis.cases(*cases, else_=REST) if cases else ibis.literal(REST)
    return placed.select("profile_id", cluster=cluster)


def _distances(placed: Table, centres: Sequence[Sequence[float]]) -> dict[str, FloatingValue]:
    """Squared distances to the centres, less what is the same for all of them."""
    found = {}
    for i, centre in enumerate(centres):
        terms = [placed[f"x{j}"] * (-2.0 * c) for j, c in enumerate(centre)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        found[f"d{i}"] = (total + sum(c * c for c in centre)).round(_DIGITS)
    return found


def unchanged(features: Table, earlier: Table, segmentation: Segmentation) -> Table:
    """`profile_id` of those whose every figure that placing looks at is as it was in `earlier` (FEATURE rows)."""
    looked_at = sorted({*(a.column for a in segmentation.axes), "orders", "returns", "visits"})
    now = features.select(
        "profile_id", **{f"n{i}": figure(features, c, home=segmentation.home) for i, c in enumerate(looked_at)}
    )
    was = earlier.select(
        was_id=earlier["profile_id"],
        **{f"w{i}": figure(earlier, c, home=segmentation.home) for i, c in enumerate(looked_at)},
    )
    same = [now[f"n{i}"] == was[f"w{i}"] for i in range(len(looked_at))]
    return now.semi_join(was, [now["profile_id"] == was["was_id"], *same]).select("profile_id")


def placed(clusters: Table, flags: Table | None, segmentation: Segmentation, *, as_of: dt.datetime) -> Table:
    """MEMBER rows of `clusters` (profile_id, cluster): rule segments that claim come first.

    `flags` has a profile_id and one truth value for each claiming rule segment, named by its key.
    """
    day = ibis.literal(as_of, "timestamp(6)")
    if flags is None or not segmentation.claims:
        return clusters.select("profile_id", segment=clusters["cluster"], as_of=day)
    claimed = flags.select(flagged_id=flags["profile_id"], claimed=first_claim(flags, segmentation.claims))
    joined = clusters.left_join(claimed, clusters["profile_id"] == claimed["flagged_id"])
    return joined.select("profile_id", segment=joined["claimed"].fill_null(joined["cluster"]), as_of=day)


def first_claim(flags: Table, claims: Sequence[str]) -> ibis.Value:
    """The first of `claims` that holds, or null."""
    return ibis.cases(*((flags[key], key) for key in claims), else_=ibis.null("string"))
