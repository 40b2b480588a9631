"""What is known of people: traits and consent; and whom a file names, for links and the vault.

in   typed columns of profiles or enrichment, or of any source that names people
out  rows of `trait` and `consent`; Met: groups of keys and what belongs into the vault
"""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.core.hashing import canonical_json
from omnimix.data.canon.events import event_names
from omnimix.data.canon.table import LINE, SUFFIX, Rows, Whole, as_text, column, constant, person_key
from omnimix.data.checked import KEY
from omnimix.data.source.fields import IDENTIFIERS, PERSONAL
from omnimix.data.source.mapping import CONSENT, PROPERTY, Shape
from omnimix.data.source.spec import Holds
from omnimix.governance.consent import Purpose
from omnimix.governance.pseudonym import KeyKind, normalised

CRM_TRAITS = ("lead_score", "lead_status", "lifecycle_stage", "deal_stage")
_REFUSING = pa.array(["Unsubscribed", "Email Marked as Spam"])  # events after which nobody may be written to


def people_rows(form: Shape, table: pa.Table, lines: Whole, *, now: datetime) -> Rows:
    """One `trait` for each thing said of a person, one `consent` for each purpose answered."""
    people = person_key(table)
    at = pc.fill_null(column(table, "observed_at"), pa.scalar(now, pa.timestamp("us")))
    traits = []
    for name, values in _told(table):
        traits.append(_traits(form, table, name, values, lines, people, at))
    consents = [*consent_rows(form, table, lines, at), *subscription_rows(form, table, lines, at)]
    facts = {"trait": traits, "consent": consents}
    identity = [column(table, n) for n in table.column_names if n not in IDENTIFIERS and n != "previous_id"]
    return Rows(
        {n: pa.concat_tables(t) for n, t in facts.items() if t}, [constant(form.key, len(lines)), *identity]
    )


def consent_rows(form: Shape, table: pa.Table, lines: Whole, at: pa.Array) -> list[pa.Table]:
    """For each purpose the source asks about: one `consent` a line that answers, decided `at`."""
    answers = []
    for name in (n for n in table.column_names if n.startswith(CONSENT)):
        purpose = name.removeprefix(CONSENT)
        rows = {
            LINE: pa.array(lines),
            SUFFIX: constant(f".{purpose}", table.num_rows),
            "person_key": person_key(table),
            "purpose": constant(purpose, table.num_rows),
            "granted": column(table, name),
            "decided_at": at,
            "source": constant(form.key, table.num_rows),
        }
        answers.append(
            pa.table(rows).filter(pc.and_(pc.is_valid(rows["granted"]), pc.is_valid(rows["person_key"])))
        )
    return answers


def subscription_rows(form: Shape, table: pa.Table, lines: Whole, at: pa.Array) -> list[pa.Table]:
    """Answers for the purpose `email` that list tools give by a status or by the name of an event.

    Only "subscribed" grants. Not having opted out grants nothing; having opted out, unsubscribed or complained
    refuses.
    """
    size, answers = table.num_rows, []
    for name in ("email_status", "email_opt_out", "name_of_event"):
        if name not in table.column_names:
            continue
        granted = event_names(form, table) if name == "name_of_event" else column(table, name)
        if name != "email_status":
            refused = granted if name == "email_opt_out" else pc.is_in(granted, value_set=_REFUSING)
            granted = pc.if_else(refused, pa.scalar(False), pa.scalar(None, pa.bool_()))
        rows = {
            LINE: pa.array(lines),
            SUFFIX: constant(f".{name}", size),
            "person_key": person_key(table),
            "purpose": constant(str(Purpose.EMAIL), size),
            "granted": granted,
            "decided_at": at,
            "source": constant(form.key, size),
        }
        answers.append(pa.table(rows).filter(pc.and_(pc.is_valid(granted), pc.is_valid(rows["person_key"]))))
    return answers


def trait_rows(form: Shape, table: pa.Table, lines: Whole, at: pa.Array) -> pa.Table | None:
    """The `trait` rows that events carry: a deal's stage and a lead's score, as of the event. None without any."""
    people, size = person_key(table), table.num_rows
    told = [n for n in CRM_TRAITS if n in table.column_names and table[n].null_count < size]
    if not told:
        return None
    return pa.concat_tables(
        _traits(form, table, constant(n, size), as_text(column(table, n)), lines, people, at).filter(
            pc.field("person_key").is_valid()
        )
        for n in told
    )


def _told(table: pa.Table) -> list[tuple[pa.Array, pa.Array]]:
    """Pairs of trait name and value columns."""
    size = table.num_rows
    pairs = [
        (constant(name.removeprefix(PROPERTY), size), as_text(column(table, name)))
        for name in table.column_names
        if name.startswith(PROPERTY) or name in ("country", "language", *CRM_TRAITS)
    ]
    if "trait" in table.column_names:
        pairs.append((column(table, "trait"), column(table, "value")))
    return pairs


def _traits(
    form: Shape, table: pa.Table, name: pa.Array, values: pa.Array, lines: Whole, people: pa.Array, at: pa.Array
) -> pa.Table:
    size = table.num_rows
    told = "provider" in table.column_names
    provider = column(table, "provider") if told else constant(None, size)
    confidence = column(table, "confidence").cast(pa.float64()) if told else pa.nulls(size, pa.float64())
    sure = pc.divide(confidence, 1e6)
    # What a third party says must never pass for the person's own word.
    supplier = form.source.provider or (form.key if form.holds is Holds.ENRICHMENT else None)
    if form.source.confidence is not None:
        sure = pc.fill_null(sure, form.source.confidence)
    rows = {
        LINE: pa.array(lines),
        SUFFIX: pc.binary_join_element_wise(constant("", size), name, "."),
        "person_key": people,
        "trait": name,
        "value": values,
        "source": constant(form.key, size),
        "provider": provider if supplier is None else pc.fill_null(provider, supplier),
        "observed_at": at,
        "confidence": sure,
    }
    return pa.table(rows).filter(pc.and_(pc.is_valid(values), pc.is_valid(name)))


class Met:
    """Whom a file names: keys that stand in one record, and the plain values that only the vault may keep."""

    def __init__(self, region: str) -> None:
        self._region = region
        self.groups: dict[tuple[str, ...], None] = {}  # in the order of the records
        self.plain: dict[str, tuple[str, str]] = {}  # key → field of the vault, normalised identifier
        self.details: dict[tuple[str, str], None] = {}  # key, what a record says besides, as JSON

    def add(self, table: pa.Table) -> None:
        """Take note of the people of a batch's good rows."""
        there = [n for n in (*IDENTIFIERS, "previous_id") if table[KEY + n].null_count < table.num_rows]
        if not there:
            return
        keyed = pa.table(
            {n: column(table, KEY + n) for n in there} | {f"plain {n}": column(table, n) for n in there}
        )
        for row in _distinct(keyed):
            keys = tuple(key for key in (row[n] for n in there) if key)
            if not keys:
                continue
            self.groups.setdefault(keys)
            for name in there:
                key, plain = row[name], row[f"plain {name}"]
                if key and plain and key not in self.plain:
                    kind = IDENTIFIERS.get(name, KeyKind.ANONYMOUS)
                    self.plain[key] = (str(kind), normalised(kind, plain, region=self._region) or "")
        self._personal(table)

    def _personal(self, table: pa.Table) -> None:
        """What each record says of its person, as one: names and addresses that belong together stay together."""
        there = [n for n in PERSONAL if n in table.column_names and table[n].null_count < table.num_rows]
        if not there or KEY + "user_id" not in table.column_names:
            return
        contact = [n for n in ("email", "phone") if table[KEY + n].null_count < table.num_rows]
        columns = {"(key)": person_key(table)} | {n: column(table, n) for n in (*there, *contact)}
        for row in _distinct(pa.table(columns)):
            key = row["(key)"]
            if key and any(row[name] for name in there):
                told = self._plain({name: row[name] for name in (*there, *contact)})
                self.details.setdefault((key, canonical_json(told)))

    def _plain(self, row: dict[str, str | None]) -> dict[str, str]:
        """The values that are there; contacts in the form that is compared."""
        known = {name: value for name, value in row.items() if value}
        for name in known.keys() & {"email", "phone"}:
            known[name] = normalised(IDENTIFIERS[name], known[name], region=self._region) or ""
        return known


def _distinct(table: pa.Table) -> list[dict[str, str | None]]:
    """The distinct rows, in the order in which they first appear."""
    names = table.column_names
    numbered = table.append_column("(place)", pa.array(np.arange(table.num_rows)))
    grouped = numbered.group_by(names, use_threads=False).aggregate([("(place)", "min")])
    rows: list[dict[str, str | None]] = grouped.sort_by("(place)_min").to_pylist()
    return rows
