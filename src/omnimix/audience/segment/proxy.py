"""Proxies: whether segments give away a protected attribute that they never used.

in   the segment of people of whom a protected attribute is known
out  one Proxy an attribute: how well membership predicts it, with an interval, or why that cannot be told

Measured as the area under the ROC curve (AUC) with which membership tells each value of the attribute from the
others, by cross-fitting: the rates of a segment come from other people than those they are tried on, since rates
tried on their own people find a proxy in pure chance. The interval is Hanley and McNeil's (1982). The normalised
mutual information of both labels is reported beside it (Strehl and Ghosh 2002).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table
from scipy.special import ndtri

from omnimix.audience.segment.matrix import FloatArray
from omnimix.audience.segment.rules import SegmentRules
from omnimix.audience.segment.sensitive import is_sensitive


class Verdict(StrEnum):
    """What the test says."""

    NO_PROXY = "no proxy"
    PROXY = "proxy"
    NOT_TESTABLE = "not testable"


@dataclass(frozen=True, slots=True)
class Proxy:
    """How well membership predicts one attribute. AUC 0.5 is chance, 1 certainty."""

    attribute: str
    people: int  # of whom it is known
    value: str  # the value told best; never a person's
    auc: float
    low: float  # 95 %
    high: float
    information: float  # normalised mutual information, [0, 1]
    verdict: Verdict
    why: str  # one plain sentence


_FOLDS = 5
_LEAST = 20  # people with a value, and without it, for the value to be tried
_VALUES = 12  # more different numbers than this are cut in two


def is_protected(trait: str) -> bool:
    """Whether a trait is an attribute that segments may not use, nor stand in for."""
    return is_sensitive(trait, column=True)


def attribute_counts(members: Table, traits: Table, attributes: tuple[str, ...]) -> Table:
    """`trait, segment, value, people` from MEMBER rows and the latest traits by profile."""
    told = traits.filter(traits["trait"].isin(attributes) & traits["value"].notnull())
    told = told.select("trait", "value", told_id=told["profile_id"])
    joined = told.join(members, told["told_id"] == members["profile_id"])
    counted = joined.group_by("trait", "segment", "value").aggregate(people=_.count())
    return counted.order_by("trait", "segment", "value")


def fit_proxies(
    rows: pa.Table, rules: SegmentRules, *, attributes: tuple[str, ...], seed: int
) -> tuple[Proxy, ...]:
    """One Proxy for each of `attributes`, from the rows of `attribute_counts`; in their order."""
    cells: dict[str, dict[tuple[str, str], int]] = {a: {} for a in attributes}
    for row in rows.to_pylist():
        cells[row["trait"]][row["segment"], row["value"].strip().lower()] = row["people"]
    return tuple(_proxy(a, _banded(cells[a]), rules, seed=seed) for a in attributes)


def _banded(cells: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Many different numbers become two bands about their median."""
    values = {v for _s, v in cells}
    try:
        numbers = {v: float(v) for v in values}
    except ValueError:
        return dict(cells)
    if len(values) <= _VALUES:
        return dict(cells)
    order = sorted(values, key=lambda v: numbers[v])
    upto = np.cumsum([sum(n for (_s, v), n in cells.items() if v == value) for value in order])
    middle = numbers[order[int(np.searchsorted(upto, upto[-1] / 2))]]
    found: dict[tuple[str, str], int] = {}
    for (segment, value), people in cells.items():
        band = f"up to {middle:g}" if numbers[value] <= middle else f"above {middle:g}"
        found[segment, band] = found.get((segment, band), 0) + people
    return found


def _proxy(attribute: str, cells: Mapping[tuple[str, str], int], rules: SegmentRules, *, seed: int) -> Proxy:
    segments, values = sorted({s for s, _v in cells}), sorted({v for _s, v in cells})
    table = np.array([[cells.get((s, v), 0) for v in values] for s in segments]).reshape(
        len(segments), len(values)
    )
    people, totals = int(table.sum()), table.sum(axis=0)
    tried = [i for i, n in enumerate(totals) if n >= _LEAST and people - n >= _LEAST]
    if people < rules.proxy_people or not tried or len(segments) < 2:
        why = f"{attribute} is known of {people:,} people; {rules.proxy_people:,} with two values are needed"
        return Proxy(attribute, people, "", 0.5, 0.0, 1.0, 0.0, Verdict.NOT_TESTABLE, f"Not testable: {why}.")
    rng = np.random.default_rng(seed)
    aucs = {i: _auc(table[:, i], table.sum(axis=1) - table[:, i], rng) for i in tried}
    best = max(tried, key=lambda i: (aucs[i], -i))
    auc = aucs[best]
    z = float(-ndtri(0.025 / len(tried)))  # the best of several is taken: each interval is wider for it
    error = z * _error(auc, int(totals[best]), people - int(totals[best]))
    low, high = max(0.0, auc - error), min(1.0, auc + error)
    verdict = Verdict.PROXY if auc >= rules.proxy_auc and low > 0.5 else Verdict.NO_PROXY
    says = "gives away" if verdict is Verdict.PROXY else "says little of"
    why = (
        f"Membership {says} {attribute}: it tells {values[best]!r} with an AUC of {auc:.2f} "
        f"({low:.2f} to {high:.2f}), bound {rules.proxy_auc:.2f}, {people:,} people."
    )
    return Proxy(attribute, people, values[best], auc, low, high, _information(table), verdict, why)


def _auc(having: FloatArray, lacking: FloatArray, rng: np.random.Generator) -> float:
    """Cross-fitted AUC of the segments' rates; people of one segment and value are dealt to folds at random."""
    share = np.full(_FOLDS, 1 / _FOLDS)
    own, other = (np.array([rng.multinomial(n, share) for n in counts]) for counts in (having, lacking))
    found, weight = 0.0, 0.0
    for fold in range(_FOLDS):
        rest_own, rest_other = having - own[:, fold], lacking - other[:, fold]
        base = (rest_own.sum() + 0.5) / (rest_own.sum() + rest_other.sum() + 1)
        rate = (rest_own + base) / (rest_own + rest_other + 1)
        pairs = float(own[:, fold].sum()) * float(other[:, fold].sum())
        if pairs:
            wins = np.sign(rate[:, None] - rate[None, :]) / 2 + 0.5
            found += float((own[:, fold][:, None] * other[:, fold][None, :] * wins).sum())
            weight += pairs
    return found / weight if weight else 0.5


def _error(auc: float, having: int, lacking: int) -> float:
    """The standard error of an AUC after Hanley and McNeil (1982)."""
    one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (having - 1) * (one - auc**2) + (lacking - 1) * (two - auc**2)
    return float(np.sqrt(max(0.0, spread) / (having * lacking)))


def _information(table: FloatArray) -> float:
    """Mutual information of rows and columns over the geometric mean of their entropies."""
    p = table / table.sum()
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    inside = p > 0
    mutual = float((p[inside] * np.log(p[inside] / np.outer(rows, columns)[inside])).sum())
    whole = float(np.sqrt(_entropy(rows) * _entropy(columns)))
    return max(0.0, mutual / whole) if whole > 0 else 0.0


def _entropy(shares: FloatArray) -> float:
    seen = shares[shares > 0]
    return float(-(seen * np.log(seen)).sum())
