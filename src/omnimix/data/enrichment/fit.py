"""From the comparison to the audits: two values agree when they mean the same.

in   rows of `compare.compared` and `compare.suppliers`, prices by source, what being right is worth
out  TraitAudit records, by provider and trait
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any

import pyarrow as pa

from omnimix.data.enrichment.audit import Comparison, EnrichmentRules, TraitAudit, judged
from omnimix.data.source.country import read_country

_YES, _NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}


def fit_audits(
    compared: pa.Table,
    suppliers: pa.Table,
    *,
    profiles: int,
    prices: Mapping[str, float | None],
    worth_minor: float,
    worth_assumed: bool,
    rules: EnrichmentRules,
) -> tuple[TraitAudit, ...]:
    """One audit for each provider's trait. `prices`: minor units a profile by source; of several the dearest."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in compared.to_pylist():
        rows[row["provider"], row["trait"]].append(row)
    brought: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in suppliers.to_pylist():
        price = prices.get(row["source"])
        if price is not None:
            brought[row["provider"], row["trait"]].append(price)
    return tuple(
        judged(
            provider,
            trait,
            _counted(rows[provider, trait], rules.names.get(trait, trait), profiles, rules),
            price_minor=max(brought[provider, trait], default=None),
            worth_minor=worth_minor,
            worth_assumed=worth_assumed,
            rules=rules,
        )
        for provider, trait in sorted(rows)
    )


def _counted(rows: list[dict[str, Any]], trait: str, profiles: int, rules: EnrichmentRules) -> Comparison:
    """The guess is the most common truth among the very people compared."""
    agreeing = 0
    truths: Counter[str] = Counter()
    for row in (r for r in rows if r["truth"] is not None):
        truth = meaning(trait, row["truth"], rules)
        agreeing += row["people"] * (meaning(trait, row["claimed"], rules) == truth)
        truths[truth] += row["people"]
    compared = truths.total()
    return Comparison(
        profiles=profiles,
        covered=sum(r["people"] for r in rows),
        compared=compared,
        agreeing=agreeing,
        guess=max(truths.values()) / compared if compared else None,
        truth=", ".join(sorted({r["origin"] for r in rows if r["origin"]})),
    )


def meaning(trait: str, value: str, rules: EnrichmentRules) -> str:
    """A value in the form in which it is compared: countries and languages as codes, numbers by their bands."""
    text = value.strip().lower()
    if trait == "country":
        return _country(value.strip()) or text
    if trait == "language":
        return text.replace("_", "-").split("-")[0]
    number = _number(text)
    if number is not None and trait in rules.bands:
        return str(sum(number >= cut for cut in rules.bands[trait]))
    if text in _YES or text in _NO:
        return "yes" if text in _YES else "no"
    return text if number is None else f"{number:g}"


@cache
def _country(name: str) -> str | None:
    code: str | None = read_country(pa.array([name]))[0].as_py()
    return code


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
