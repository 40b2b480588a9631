"""[prove identity] People found without a common key on three public data sets; merges taken back exactly.

in   FEBRL 3, fake_1000 and historical figures, each record with a key of its own
out  pairwise precision, recall and F1 of the profiles that come out, over all pairs of records; states restored

One model, one set of fields and thresholds for all three: the defaults of the product. Each set goes the product's
way, from the sealed vault to written links; training sees no labels.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from omnimix.data.identity.decisions import decide, decided
from omnimix.data.identity.edges import record_edges
from omnimix.data.identity.links import keep_edges, next_instant, relink
from omnimix.data.identity.match import Stores, match
from omnimix.data.identity.rules import IdentityRules
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.vault import details, open_vault
from omnimix.store.ledger import open_ledger
from omnimix.store.warehouse import Warehouse
from omnimix.testing.evidence import Figure, at_least, equal
from proofs.data import shipped

RULES, NOW, SEED, TRIES = IdentityRules(), datetime(2026, 11, 1), 5, 25
Told = list[tuple[str, dict[str, str]]]  # person by the label, what the record says


def silent(_step: str) -> None:
    """Progress that nobody looks at."""


def figures() -> Iterator[Figure]:
    """The three data sets, then un-merge, then five hundred people with one address."""
    for name, told, goal in (
        ("FEBRL 3", febrl(), 0.995),
        ("fake_1000", fake(), 0.86),
        ("historical", historical(), None),
    ):
        with stores() as here:
            take(here, told)
            match(here, None, rules=RULES, now=NOW, progress=silent)
            precision, recall, f1 = quality(here, told)
            if goal is not None:
                yield at_least(f"{name}: pairwise F1", f1, goal)
            more = "" if goal else f", F1 {f1:.4f}"
            yield Figure(f"{name}: precision, recall", f"{precision:.4f}, {recall:.4f}{more}", "(no goal)", True)
            if name == "fake_1000":
                yield equal(f"of {TRIES} merges taken back, not exact", inexact(here), 0)
    yield equal("profiles of 500 people with one e-mail", with_one_address(500), 501)


def febrl() -> Told:
    """Column names carry a leading space; the address is number, street and place."""
    text = pa.csv.ConvertOptions(
        column_types={f" {n}": pa.string() for n in ("street_number", "postcode", "soc_sec_id", "date_of_birth")}
    )
    table = pa.csv.read_csv(shipped("identity") / "dataset3.csv", convert_options=text)
    rows = [{k.strip(): (v or "").strip() for k, v in row.items()} for row in table.to_pylist()]
    return [
        (
            row["rec_id"].split("-")[1],
            {
                "first_name": row["given_name"],
                "last_name": row["surname"],
                "birth_date": row["date_of_birth"],
                "address": " ".join(filter(None, (row["street_number"], row["address_1"], row["address_2"]))),
                "city": row["suburb"],
                "postcode": row["postcode"],
                "number": row["soc_sec_id"],
            },
        )
        for row in rows
    ]


def fake() -> Told:
    """Names, birth dates, towns and e-mail addresses, each often missing or misspelt."""
    rows = pa.csv.read_csv(shipped("identity") / "fake_1000.csv").to_pylist()
    columns = {
        "first_name": "first_name",
        "surname": "last_name",
        "dob": "birth_date",
        "city": "city",
        "email": "email",
    }
    return [
        (str(row["cluster"]), {ours: str(row[theirs] or "") for theirs, ours in columns.items()}) for row in rows
    ]


def historical() -> Told:
    """Ten records a person, with other names, dates and places than the truth's."""
    rows = pq.read_table(shipped("identity") / "historical_figures_with_errors_50k.parquet").to_pylist()
    columns = {
        "first_name": "first_name",
        "surname": "last_name",
        "dob": "birth_date",
        "birth_place": "city",
        "postcode_fake": "postcode",
    }
    return [(row["cluster"], {ours: row[theirs] or "" for theirs, ours in columns.items()}) for row in rows]


@contextmanager
def stores() -> Iterator[Stores]:
    """Empty stores in a folder that goes away."""
    key = WorkspaceKey(bytes(range(32)))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        here = Stores(
            Warehouse(root / "facts"),
            open_ledger(f"sqlite:///{root / 'ledger.sqlite'}"),
            open_vault(root / "vault.sqlite", key),
            key,
        )
        yield here
        here.warehouse.close()


def key_of(number: int) -> str:
    """A record's own key."""
    return f"user:{number:032x}"


def take(here: Stores, told: Told) -> None:
    """What taking in a file does: seal, and link the keys that records name."""
    values = [{name: value for name, value in row.items() if value} for _person, row in told]
    here.vault.seal(details(key_of(n), row) for n, row in enumerate(values) if row)
    link(here, [[key_of(n)] for n in range(len(told))], part="all")


def link(here: Stores, groups: Sequence[Sequence[str]], *, part: str) -> None:
    """Link the keys that records name together."""
    at = next_instant(here.warehouse, NOW)
    touched = keep_edges(here.warehouse, record_edges(groups, source="proof", now=at), part=part)
    relink(here.warehouse, here.ledger, touched, decided=decided(here.ledger), rules=RULES, now=at)


def state(here: Stores) -> Mapping[str, str]:
    """Key → profile."""
    links = here.warehouse.arrow(here.warehouse.table("link"))
    return dict(zip(links["key"].to_pylist(), links["profile_id"].to_pylist(), strict=True))


def quality(here: Stores, told: Told) -> tuple[float, float, float]:
    """Precision, recall and F1 over all pairs of records."""
    known = state(here)
    found = np.unique(np.array([known[key_of(n)] for n in range(len(told))]), return_inverse=True)[1].astype(
        np.int64
    )
    truth = np.unique(np.array([person for person, _row in told]), return_inverse=True)[1].astype(np.int64)
    both = _pairs(found * (truth.max() + 1) + truth)
    linked, same = _pairs(found), _pairs(truth)
    return both / linked, both / same, 2 * both / (linked + same)


def _pairs(labels: np.ndarray) -> int:
    counts = np.unique(labels, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())


def inexact(here: Stores) -> int:
    """Merge two profiles and take it back, again and again: how often anything was not as before."""
    random, wrong = np.random.default_rng(SEED), 0
    for _ in range(TRIES):
        before = state(here)
        one, other = random.choice(sorted(before), size=2, replace=False).tolist()
        if before[one] == before[other]:
            continue
        for together in (True, False):
            with here.ledger.begin() as session:
                decide(session, one, other, together=together, by="proof", why="proof", now=NOW)
            keys = pa.array([one, other], pa.string())
            done = relink(here.warehouse, here.ledger, keys, decided=decided(here.ledger), rules=RULES, now=NOW)
            wrong += not done.moved
        wrong += state(here) != before
    return wrong


def with_one_address(people: int) -> int:
    """How many profiles there are when so many people, each with a phone, share one e-mail address."""
    with stores() as here:
        shared = f"email:{1:032x}"
        link(here, [[key_of(n), shared, f"phone:{n:032x}"] for n in range(people)], part="all")
        return len(set(state(here).values()))
