"""The journal of live decisions becomes the fact `decision`; a logged decision is found again.

in   the online store's journal
out  rows by day; Decided records, to the last bit as they were decided

An entry is cut from the journal only when its row is on disk. Cut short in between, the next settling adds the
same rows again, which adds nothing.
"""

from typing import Any

import msgspec
import pyarrow as pa
from ibis import _

from omnimix.activation.decide.decision import Decided, Kept, unpacked
from omnimix.activation.decide.serving import bits, kept, unkept
from omnimix.activation.experiment.eligibility import IRRELEVANT
from omnimix.core.errors import NotFound
from omnimix.data.daily import Daily
from omnimix.data.ingest import LOCK
from omnimix.flow.machine import Machine
from omnimix.store.facts import DECISION
from omnimix.store.online.port import OnlineStore
from omnimix.store.turns import turn

FACT, LIVE = "decision", "live"
_MOST = 20_000  # entries at once
_NAMES = {  # column → field of Decided, where they differ
    "decided_at": "at_us",
    "release_id": "release",
    "snapshot_id": "snapshot",
    "variant_id": "variant",
    "cost_micros": "cost",
}


def settle_decisions(machine: Machine) -> int:
    """Move what stands in the journal to the facts. Returns how many rows. Safe to cut short."""
    store = machine.online()
    try:
        with turn(machine.warehouse.local.root.parent / LOCK):
            return _moved(machine, store)
    finally:
        store.close()


def _moved(machine: Machine, store: OnlineStore) -> int:
    total = 0
    daily = Daily(machine.warehouse.local, LIVE)
    while entries := store.entries(0, _MOST):
        daily.add(FACT, rows_of([unpacked(entry) for _number, entry in entries]), key="decision_id")
        store.cut(entries[-1][0])
        total += len(entries)
    return total


def rows_of(decided: list[Decided]) -> pa.Table:
    """DECISION rows, one each, in order."""
    kept = {name: [_value(name, one) for one in decided] for name in DECISION.names}
    kinds = DECISION.to_pyarrow()
    return pa.table({name: pa.array(kept[name], kinds.field(name).type) for name in DECISION.names}, schema=kinds)


def _value(name: str, one: Decided) -> object:
    if name == "against":
        return msgspec.msgpack.encode(one.against)
    if name == "irrelevant":
        return is_irrelevant(one)
    value = getattr(one, _NAMES.get(name, name))
    if name in ("pool", "eligible"):
        return bits(unkept(value))
    return None if name in ("person", "variant_id") and not value else value


def is_irrelevant(one: Decided) -> bool:
    """Whether something was shown that a rule of relevance speaks against."""
    if one.chosen < 0:
        return False
    shown = 1 << one.chosen
    return any(reason & IRRELEVANT and unkept(places) & shown for reason, places in one.against)


def decided_of(row: dict[str, Any]) -> Decided:
    """A DECISION row (`decided_at` in microseconds) as it was decided."""
    fields = {_NAMES.get(name, name): value for name, value in row.items() if name != "irrelevant"}
    fields["against"] = msgspec.msgpack.decode(fields["against"], type=list[tuple[int, Kept]])
    fields |= {name: fields[name] or "" for name in ("person", "variant")}
    fields |= {name: kept(unkept(fields[name])) for name in ("pool", "eligible")}
    return Decided(**fields)


def find(machine: Machine, decision_id: str) -> Decided:
    """A logged decision: from the facts, else from the journal. Raises NotFound."""
    rows = machine.warehouse.local.table(FACT).filter(_.decision_id == decision_id)
    found = machine.warehouse.local.arrow(rows)
    if found.num_rows:
        at = found["decided_at"].cast(pa.int64())
        return decided_of(
            found.set_column(found.column_names.index("decided_at"), "decided_at", at).to_pylist()[0]
        )
    store = machine.online()
    try:
        at_number = 0
        while entries := store.entries(at_number, _MOST):
            for number, entry in entries:
                at_number = number
                if (one := unpacked(entry)).decision_id == decision_id:
                    return one
    finally:
        store.close()
    raise NotFound(f"there is no decision {decision_id!r}", where="decisions", fix="check the id")
