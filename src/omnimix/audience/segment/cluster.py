"""Segments from behaviour: k-means with the number of clusters chosen by stability under resampling.

in   FEATURE rows as an Arrow table: everybody, or a sample chosen by content
out  a Segmentation, and MEMBER rows

Rule segments that claim their people come first. Of the others, people with an order are clustered; people
who only looked are one segment by definition; whoever is left, or is too few to be told apart, is `(rest)`.
Method: for every number of clusters k, k-means is fitted to everybody and to random subsamples, and everybody is
placed by each fit. Two things are asked of k. The fits of the subsamples must agree in pairs (Ben-Hur, Elisseeff
and Guyon 2002), measured by the adjusted Rand index (Hubert and Arabie 1985), from which the share of people in
clusters too small to keep is subtracted: that is the score. And each cluster by itself must be found again,
measured by its mean best Jaccard coefficient with the clusters of the subsamples, and then of bootstraps (Hennig
2007, who calls 0.75 and more valid and stable, and less than 0.6 not to be trusted): an average alone would let a
good division hide the arbitrary halving of one of its clusters. The largest k whose weakest cluster reaches
`stable` both times is taken, else the best score; below `least` nobody is divided.

People are put into an order by their figures before anything random happens, so that neither the order of the rows
nor what people are called has any part in the result.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from threadpoolctl import threadpool_limits

from omnimix.audience.segment.definition import named
from omnimix.audience.segment.kmeans import Clusters, choose, nearest
from omnimix.audience.segment.matrix import FloatArray, Matrix, matrix
from omnimix.audience.segment.naming import Names, Portrait, names
from omnimix.audience.segment.rule import Rule, short_rule
from omnimix.audience.segment.rules import SegmentRules, check
from omnimix.audience.segment.scale import coordinates, fit_axes
from omnimix.audience.segment.segment import PROSPECTS, REST, Origin, Segment
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.core.errors import InvalidInput
from omnimix.store.facts import MEMBER

__all__ = ["PROSPECTS", "SegmentRules", "fit_segments", "members"]
NOBODY = ""  # the claim on people whom no rule segment takes
Labels = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]


def fit_segments(
    features: pa.Table,
    rules: SegmentRules,
    *,
    seed: int,
    currency: str | None = None,
    flags: pa.Table | None = None,
    people: int | None = None,
) -> Segmentation:
    """Segments of the profiles in `features` (FEATURE columns). `currency` is for amounts in rules.

    `flags` (profile_id and a truth value for each of `rules.rules`) says who meets which rule segment; they are
    needed where there are rule segments. `people` is how many the rows stand for, when they are a sample; sizes
    are then estimates, until `count` puts in what the engine counted.

    The same rows in any order, under any profile ids, and the same seed give the same result. Raises InvalidInput
    when there is nobody, when a rule is out of range or when a feature is unknown or sensitive.
    """
    check(rules)
    rows = matrix(features).by_content()
    if not rows.profiles:
        raise InvalidInput(
            "there are no customers to divide into segments",
            where="segments",
            fix="check that the sources have orders or events with a customer and that they were ingested",
        )
    met = _flags(rows, flags, rules)
    # Many small fits are faster on one thread, and many times so where other work keeps the cores busy.
    with threadpool_limits(limits=1):
        return _segmentation(rows, met, rules, seed=seed, currency=currency, people=people or len(rows.profiles))


def members(
    features: pa.Table, segmentation: Segmentation, *, as_of: dt.datetime, flags: pa.Table | None = None
) -> pa.Table:
    """MEMBER rows: every profile of `features` once; `place.placed` does the same inside the engine."""
    rows = matrix(features, home=segmentation.home)
    has_prospects = any(s.key == PROSPECTS for s in segmentation.segments)
    labels = _labels(rows, segmentation, prospects=has_prospects)
    if flags is not None:
        truth = flags.sort_by("profile_id")
        for key in reversed(segmentation.claims):
            labels[np.asarray(truth[key])] = key
    columns = [list(rows.profiles), labels.tolist(), [as_of] * len(labels)]
    return pa.Table.from_arrays(
        [pa.array(c, t) for c, t in zip(columns, MEMBER.to_pyarrow().types, strict=True)],
        schema=MEMBER.to_pyarrow(),
    )


def _flags(rows: Matrix, flags: pa.Table | None, rules: SegmentRules) -> dict[str, Mask]:
    """Who meets which rule segment that claims its people, in the order of `rows`."""
    wanted = [key for key, definition in rules.rules.items() if definition.claims]
    if flags is None or not wanted:
        return {}
    place = {profile: i for i, profile in enumerate(flags["profile_id"].to_pylist())}
    order = [place[profile] for profile in rows.profiles]
    return {key: np.asarray(flags[key].combine_chunks().take(pa.array(order))) for key in wanted}


def _claimed(met: dict[str, Mask], people: int, floor: float) -> tuple[Labels, tuple[str, ...]]:
    """Whom rule segments take, NOBODY for the others; and the keys of those large enough to be segments."""
    labels, claims = np.full(people, NOBODY, dtype=object), []
    for key, mask in met.items():
        taken = mask & (labels == NOBODY)
        if taken.sum() >= floor:
            labels[taken] = key
            claims.append(key)
    return labels, tuple(claims)


def _segmentation(
    rows: Matrix, met: dict[str, Mask], rules: SegmentRules, *, seed: int, currency: str | None, people: int
) -> Segmentation:
    scale = people / len(rows.profiles)
    claimed, claims = _claimed(met, len(rows.profiles), rules.min_size / scale)
    free: Mask = claimed == NOBODY
    buyers = (rows.column("orders") > 0) & free
    active = rows.rows(buyers)
    axes = fit_axes(active, rules.features, winsor=rules.winsor, weights=rules.weights) if buyers.any() else ()
    draft = Segmentation(
        (), axes, (), (), (), "", people=people, fitted_on=len(rows.profiles), home=rows.home, claims=claims
    )
    points = coordinates(active, axes)
    count = round(len(points) * scale)
    if count < 2 * rules.min_size or points.shape[1] == 0:
        found = None
        draft = replace(draft, note=f"{count} customers with orders are too few to divide: they are one segment.")
    else:
        smallest = max(rules.min_size / count, rules.min_share)
        found, candidates, note = choose(points, rules, smallest=smallest, seed=seed)
        draft = replace(draft, candidates=candidates, note=note)
    if found is not None:
        centres = tuple(tuple(float(x) for x in row) for row in found.centres)
        keys = tuple(f"#{o}" for o in found.owner)
        draft = replace(draft, centres=centres, keys=keys, stability=found.stability)
    floor = max(rules.min_size / scale, rules.min_share * len(rows.profiles))
    labels = _labels(rows, draft, prospects=int((_prospects(rows) & free).sum()) >= floor)
    labels[~free] = claimed[~free]
    return _described(rows, labels, draft, found, rules, currency=currency)


def _prospects(rows: Matrix) -> Mask:
    """Those who looked, and neither bought nor returned anything."""
    looked: Mask = (rows.column("orders") == 0) & (rows.column("returns") == 0) & (rows.column("visits") > 0)
    return looked


def _labels(rows: Matrix, segmentation: Segmentation, *, prospects: bool) -> Labels:
    labels = np.full(len(rows.profiles), REST, dtype=object)
    buyers = rows.column("orders") > 0
    if segmentation.centres and buyers.any():
        points = coordinates(rows.rows(buyers), segmentation.axes)
        labels[buyers] = np.array(segmentation.keys, dtype=object)[nearest(points, np.array(segmentation.centres))]
    if prospects:
        labels[_prospects(rows)] = PROSPECTS
    return labels


def _described(
    rows: Matrix,
    labels: Labels,
    draft: Segmentation,
    found: Clusters | None,
    rules: SegmentRules,
    *,
    currency: str | None,
) -> Segmentation:
    """Give each group its name, key, rule and figures."""
    groups = sorted(set(labels.tolist()) - {REST, *draft.claims}, key=lambda g: (-int((labels == g).sum()), g))
    portraits = [Portrait.of(rows, labels == g, fixed=g if g == PROSPECTS else None) for g in groups]
    names_of = dict(zip(groups, names(portraits, taken=rules.rules), strict=True))
    describe = _Describe(rows, labels, scale=draft.people / len(rows.profiles), stability=_mean(draft))
    segments = [describe.by_rule(key, rules) for key in draft.claims]
    for group, name in names_of.items():
        rule = short_rule(rows, labels == group, currency=currency)
        if group == PROSPECTS:
            segments.append(describe.group(group, name, rule, Origin.PROSPECTS))
        else:
            again = 1.0 if found is None else found.found_again[int(group.removeprefix("#"))]
            segments.append(describe.group(group, name, rule, Origin.CLUSTER, found_again=again))
    if (labels == REST).any():
        only = not segments
        text = "everybody" if only else "none of the other segments"
        name = Names(REST, "Everyone" if only else "Everyone else")
        segments.append(describe.group(REST, name, Rule(text, 1.0, 1.0), Origin.REST))
    # A centre that is nobody's nearest after winsorising names no segment; its few future neighbours are (rest).
    keys = tuple(names_of[k].key if k in names_of else REST for k in draft.keys)
    return replace(draft, segments=ordered(segments), keys=keys)


def _mean(draft: Segmentation) -> float:
    return 1.0 if draft.stability is None else draft.stability.rand


def ordered(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The largest first, those of one size by key, `(rest)` last."""
    return tuple(sorted(segments, key=lambda s: (s.key == REST, -s.size, s.key)))


class _Describe:
    """Makes Segment records of groups of rows."""

    def __init__(self, rows: Matrix, labels: Labels, *, scale: float, stability: float) -> None:
        self.rows, self.labels, self.scale, self.stability = rows, labels, scale, stability
        self.base = _means(rows, rows.values)

    def group(self, label: str, name: Names, rule: Rule, origin: Origin, *, found_again: float = 1.0) -> Segment:
        """One group, by its label."""
        inside = self.labels == label
        return Segment(
            key=name.key,
            name=name.name,
            size=round(int(inside.sum()) * self.scale),
            share=int(inside.sum()) / len(inside),
            rule=rule.text,
            precision=rule.precision,
            recall=rule.recall,
            stability=self.stability if origin is Origin.CLUSTER else 1.0,
            means=_means(self.rows, self.rows.values[inside]),
            base_means=self.base,
            origin=origin,
            conditions=rule.conditions,
            found_again=found_again,
        )

    def by_rule(self, key: str, rules: SegmentRules) -> Segment:
        """A rule segment: its rule is its definition, so precision and recall are 1."""
        definition = rules.rules[key]
        rule = Rule(definition.text, 1.0, 1.0)
        return self.group(key, Names(key, named(key, definition)), rule, Origin.RULE)


def _means(rows: Matrix, values: FloatArray) -> dict[str, float]:
    return {c: float(m) for c, m in zip(rows.columns, values.mean(axis=0), strict=True)}
