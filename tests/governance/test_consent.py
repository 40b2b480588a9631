"""Consent by purpose: the latest decision holds, a refusal wins a tie, silence is what the caller assumes."""

from datetime import datetime, timedelta

import ibis
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from omnimix.governance.consent import Purpose, permitted
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
