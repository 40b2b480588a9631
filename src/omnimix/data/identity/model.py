"""The matching model: how much each likeness or difference says about two records being one person's.

in   the counts that Splink's training takes from records
out  a MatchModel: chances m and u by field and level, and the chance that two records picked at random match

Fellegi and Sunter, JASA 64 (1969): the weight of a level is log2(m / u); weights add up, and with the prior they
give the odds of a match. Holds no personal data: levels and chances only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

import splink.comparison_level_library as levels
import splink.comparison_library as comparisons
from splink import SettingsCreator, block_on

from omnimix.data.identity.fields import FIELDS, Compared, Level

FLOOR = 0.0005  # a value rarer than this counts as being as rare as this


@dataclass(frozen=True, slots=True)
class MatchModel:
    """`chances`: field → (m, u) of each of its levels, the likest first. `trained_on`: records; 0 if shipped."""

    prior: float
    chances: Mapping[str, tuple[tuple[float, float], ...]]
    trained_on: int = 0


SHIPPED = MatchModel(1e-5, {field.name: tuple((level.m, level.u) for level in field.levels) for field in FIELDS})


def splink_settings(model: MatchModel, *, trained: bool) -> SettingsCreator:
    """Settings for Splink. Not `trained`: the chances are still to be estimated."""
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record",
        probability_two_random_records_match=model.prior,
        comparisons=[_comparison(field, model.chances[field.name] if trained else None) for field in FIELDS],
        blocking_rules_to_generate_predictions=[block_on("email")],  # pairs are handed over, not looked for
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
        max_iterations=15,
    )


def _comparison(field: Compared, chances: tuple[tuple[float, float], ...] | None) -> comparisons.CustomComparison:
    made: list[Any] = [levels.NullLevel(field.name)]
    for place, level in enumerate(field.levels):
        made.append(_level(field, level, None if chances is None else chances[place], first=place == 0))
    return comparisons.CustomComparison(output_column_name=field.name, comparison_levels=made)


def _level(field: Compared, level: Level, chance: tuple[float, float] | None, *, first: bool) -> Any:
    if first:
        made: Any = levels.ExactMatchLevel(field.name)
    else:
        made = levels.CustomLevel(level.sql, level.says) if level.sql else levels.ElseLevel()
    more: dict[str, Any] = {}
    if chance is not None:
        more |= {"m_probability": chance[0], "u_probability": chance[1], "fix_u_probability": True}
    if first and field.common:
        more |= {"tf_adjustment_column": field.name, "tf_minimum_u_value": FLOOR}
    return made.configure(**more) if more else made


def weight_columns(model: MatchModel) -> list[str]:
    """What each field weighs in a pair, as SQL over its `_l` and `_r` columns: mw_… and mw_tf_adj_… columns.

    A field that one side lacks weighs nothing. The first level that holds counts. Equal values weigh the more
    the rarer they are: the share of records that have the value (tf_…) stands in for u.
    """
    columns = []
    for field in FIELDS:
        missing = f"{field.name}_l IS NULL OR {field.name}_r IS NULL"
        weights = [log2(m / u) for m, u in model.chances[field.name]]
        rungs = " ".join(
            f"WHEN {level.sql} THEN {weight!r}"
            for level, weight in zip(field.levels, weights, strict=True)
            if level.sql
        )
        columns.append(f"CASE WHEN {missing} THEN 0.0 {rungs} ELSE {weights[-1]!r} END AS mw_{field.name}")
        if field.common:
            usual = model.chances[field.name][0][1]
            rarity = f"log2({usual!r} / greatest(tf_{field.name}_l, tf_{field.name}_r))"
            columns.append(f"CASE WHEN {field.levels[0].sql} THEN {rarity} ELSE 0.0 END AS mw_tf_adj_{field.name}")
    return columns


def read_chances(settings: Mapping[str, Any]) -> dict[str, tuple[tuple[float, float], ...]]:
    """The chances in a Splink model; where training saw nothing of a level, the shipped ones."""
    found: dict[str, tuple[tuple[float, float], ...]] = {}
    for comparison, field in zip(settings["comparisons"], FIELDS, strict=True):
        told = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
        found[field.name] = tuple(
            (_chance(level.get("m_probability"), known.m), _chance(level.get("u_probability"), known.u))
            for level, known in zip(told, field.levels, strict=True)
        )
    return found


def _chance(value: Any, shipped: float) -> float:
    """A chance that training found, kept off 0, where its logarithm has no end."""
    return max(float(value), 1e-6) if isinstance(value, int | float) else shipped
