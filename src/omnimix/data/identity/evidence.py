"""Why two keys may be one person's: how alike each field is, what that weighs, veiled values.

in   pairs of keys; the vault; a model
out  evidence by pair; nothing of it is kept
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import pyarrow as pa

from omnimix.data.identity.fields import FIELDS
from omnimix.data.identity.match import Stores, load_terms
from omnimix.data.identity.matching import Matching
from omnimix.data.identity.model import MatchModel
from omnimix.data.identity.rules import IdentityRules


@dataclass(frozen=True, slots=True)
class Evidence:
    """One field: how alike it is, what that adds to the match weight (log2), and both values, veiled."""

    field: str
    says: str
    weight: float
    one: str
    other: str


def veil(field: str, value: str) -> str:
    """Enough of a value to compare it with another by eye, too little to know it."""
    if field == "birth_date":
        return f"{value[:4]}…"
    if field in ("phone", "number"):
        return f"…{value[-2:]}"
    if field == "email":
        name, _, domain = value.partition("@")
        return f"{name[:1]}…@{domain[:1]}…"
    return " ".join(f"{word[:1]}…" for word in value.split())


def evidence_of(
    stores: Stores, model: MatchModel, pairs: Sequence[tuple[str, str]], *, rules: IdentityRules
) -> dict[tuple[str, str], tuple[Evidence, ...]]:
    """The evidence for each pair, of the two records that are most alike. Pairs without details have none."""
    with Matching(memory=rules.memory) as people:
        people.tell(stores.vault.details_of(sorted({key for pair in pairs for key in pair})))
        people.normalise()
        sides = list(zip(*pairs, strict=True)) or [(), ()]
        people.register(
            "asked", pa.table({"a": pa.array(sides[0], pa.string()), "b": pa.array(sides[1], pa.string())})
        )
        people.run(
            "CREATE TABLE pairs AS SELECT l.record AS one, r.record AS other FROM asked"
            " JOIN people AS l ON l.owner = a JOIN people AS r ON r.owner = b"
        )
        load_terms(stores, people)
        people.register("scores", people.weights(model, "pairs", "terms", least=-1e9, levels=True))
        columns = ", ".join(f"l.{f.name} AS {f.name}_l, r.{f.name} AS {f.name}_r" for f in FIELDS)
        rows = people.arrow(
            f"SELECT s.*, l.owner AS key_l, r.owner AS key_r, {columns} FROM scores AS s"
            " JOIN people AS l ON l.record = s.record_l JOIN people AS r ON r.record = s.record_r"
            " ORDER BY match_weight, s.record_l, s.record_r"
        ).to_pylist()
    return {(min(r["key_l"], r["key_r"]), max(r["key_l"], r["key_r"])): _evidence(r, model) for r in rows}


def _evidence(row: dict[str, object], model: MatchModel) -> tuple[Evidence, ...]:
    ends = ("l", "r") if str(row["key_l"]) < str(row["key_r"]) else ("r", "l")
    found = []
    for field in FIELDS:
        one, other = (row[f"{field.name}_{end}"] for end in ends)
        if one is None or other is None:
            continue
        told = float(str(row[f"mw_{field.name}"]))
        gaps = [abs(log2(m / u) - told) for m, u in model.chances[field.name]]
        level = field.levels[gaps.index(min(gaps))]
        weight = told + float(str(row.get(f"mw_tf_adj_{field.name}") or 0.0))
        veiled = (veil(field.name, str(value)) for value in (one, other))
        found.append(Evidence(field.name, level.says, weight, *veiled))
    return tuple(found)
