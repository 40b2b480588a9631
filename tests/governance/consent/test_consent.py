"""Consent by purpose: the latest decision holds, a refusal wins a tie, silence is what the caller assumes."""

from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.governance.consent import Purpose, permitted, withheld
from omnimix.store.warehouse import Warehouse

PEOPLE = ["a", "b", "c"]
START = datetime(2024, 1, 1)
DECISIONS = st.lists(
    st.tuples(st.sampled_from([*PEOPLE, None]), st.sampled_from(list(Purpose)), st.booleans(), st.integers(0, 3)),
    max_size=12,
)


def table(decisions: list[tuple[str | None, Purpose, bool, int]]) -> pa.Table:
    rows = [
        {
            "consent_id": str(n),
            "profile_id": p,
            "purpose": str(why),
            "granted": yes,
            "decided_at": START + timedelta(day),
            "source": "crm",
            "repeated": None,
        }
        for n, (p, why, yes, day) in enumerate(decisions)
    ]
    schema = pa.schema(
        {"consent_id": "string", "profile_id": "string", "purpose": "string", "granted": "bool"}
        | {"decided_at": pa.timestamp("us"), "source": "string", "repeated": "bool"}
    )
    return pa.Table.from_pylist(rows, schema=schema)


@given(decisions=DECISIONS, assume=st.booleans())
def test_against_a_slow_oracle(
    warehouse: Warehouse, decisions: list[tuple[str | None, Purpose, bool, int]], assume: bool
) -> None:
    people = ibis.memtable(pa.table({"profile_id": PEOPLE}))
    consent = ibis.memtable(table(decisions))
    for purpose in Purpose:
        found = warehouse.arrow(permitted(people, consent, purpose, assume=assume))["profile_id"].to_pylist()
        for person in PEOPLE:
            said = [(day, not yes) for p, why, yes, day in decisions if p == person and why is purpose]
            wanted = assume if not said else not max(said)[1]
            assert (person in found) == wanted


def test_one_row_stays_one_row(warehouse: Warehouse) -> None:
    people = ibis.memtable(pa.table({"profile_id": ["a", "a"], "x": [1, 2]}))
    consent = ibis.memtable(table([("a", Purpose.EMAIL, True, 0), ("a", Purpose.EMAIL, True, 1)]))
    assert warehouse.arrow(permitted(people, consent, Purpose.EMAIL, assume=False)).num_rows == 2
    assert warehouse.arrow(permitted(people, consent, Purpose.ADVERTISING, assume=False)).num_rows == 0


def stated(rows: list[tuple[int, bool, str, bool]]) -> ibis.Table:
    """Answers about advertising as rows of (day, granted, source, repeated)."""
    said = [
        {"consent_id": f"{n:03d}", "profile_id": "a", "purpose": "advertising", "granted": yes}
        | {"decided_at": START + timedelta(day), "source": source, "repeated": again}
        for n, (day, yes, source, again) in enumerate(rows)
    ]
    return ibis.memtable(pa.Table.from_pylist(said, schema=table([]).schema))


CASES = [
    ([(0, True, "web", True), (1, False, "gpc", False)], False),
    ([(0, True, "web", True), (1, False, "gpc", False), (2, True, "web", True), (3, True, "web", True)], False),
    ([(0, True, "tcf", False), (1, False, "gpc", False), (0, True, "tcf", False)], False),
    ([(0, True, "tcf", False), (1, False, "gpc", False), (2, True, "tcf", False)], True),
    ([(0, True, "web", True), (1, False, "gpc", False), (2, False, "web", True), (3, True, "web", True)], True),
    ([(0, True, "crm", False), (1, True, "web", True), (2, False, "web", True)], False),
    ([(1, True, "web", False), (1, False, "gpc", False)], False),
]


@pytest.mark.parametrize(("rows", "wanted"), CASES)
def test_a_yes_sent_again_does_not_outlive_a_no(
    warehouse: Warehouse, rows: list[tuple[int, bool, str, bool]], wanted: bool
) -> None:
    people = ibis.memtable(pa.table({"profile_id": ["a"]}))
    for order in (rows, rows[::-1]):
        found = warehouse.arrow(permitted(people, stated(order), Purpose.ADVERTISING, assume=False))
        assert (found.num_rows == 1) == wanted
        out = warehouse.arrow(withheld(people, stated(order), Purpose.ADVERTISING, assume=False))
        assert (out.num_rows == 1) != wanted


@given(decisions=DECISIONS, assume=st.booleans())
def test_everybody_is_either_permitted_or_withheld(
    warehouse: Warehouse, decisions: list[tuple[str | None, Purpose, bool, int]], assume: bool
) -> None:
    people, consent = ibis.memtable(pa.table({"profile_id": PEOPLE})), ibis.memtable(table(decisions))
    for purpose in Purpose:
        inside = warehouse.arrow(permitted(people, consent, purpose, assume=assume))["profile_id"].to_pylist()
        outside = warehouse.arrow(withheld(people, consent, purpose, assume=assume))["profile_id"].to_pylist()
        assert sorted(inside + outside) == PEOPLE
