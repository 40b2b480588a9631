"""[bench identity] A million generated records linked without a common key; a thousand more added.

in   generated records of people who do not exist, 1.5 a person, with slips and gaps
out  seconds from the sealed vault to written links, precision and recall of pairs; seconds for the next 1,000
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np

from omnimix.data.identity.decisions import decided
from omnimix.data.identity.edges import record_edges
from omnimix.data.identity.links import keep_edges, next_instant, relink
from omnimix.data.identity.match import Stores, match
from omnimix.data.identity.merges import Merge, merges_into
from omnimix.data.identity.rules import IdentityRules
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.vault import details, open_vault
from omnimix.store.ledger import open_ledger
from omnimix.store.warehouse import Warehouse
from omnimix.testing.evidence import Figure, at_least, at_most, equal
from omnimix.testing.people import records

SIZE = int(os.environ.get("OMNIMIX_BENCH_RECORDS", "1000000"))
MORE, SEED, AT_ONCE = 1_000, 11, 100_000
RULES, NOW = IdentityRules(), datetime(2026, 11, 1)


def silent(_step: str) -> None:
    """Progress that nobody looks at."""


def figures() -> Iterator[Figure]:
    """Seconds on the clock, with the processor's beside them: other programs may have had the machine, too."""
    with tempfile.TemporaryDirectory() as folder:
        stores = _stores(Path(folder))
        told = list(islice(records(SIZE + MORE, seed=SEED), SIZE + MORE))
        for start in range(0, SIZE, AT_ONCE):
            _take(stores, told[start : min(start + AT_ONCE, SIZE)], start)
        clock, cpu = time.perf_counter(), time.process_time()
        found, model = match(stores, None, rules=RULES, now=NOW, progress=silent)
        yield at_most(
            f"{found.records:,} records linked ({time.process_time() - cpu:.0f} s of processor)",
            time.perf_counter() - clock,
            90,
            unit=" s",
        )
        people, before = _profiles(stores), _people(stores)
        precision, recall = _quality(people, told)
        yield Figure("pairs compared", f"{found.pairs:,}, {found.merges:,} merges", "(no goal)", True)
        yield at_least("pairwise precision", precision, 0.99)
        yield Figure("pairwise recall", f"{recall:.4f}", "(no goal)", True)
        clock = time.perf_counter()
        _take(stores, told[SIZE:], SIZE)
        taken = time.perf_counter() - clock
        yield Figure(f"{MORE:,} more sealed and their keys linked", f"{taken:.2f} s", "(no goal)", True)
        clock, cpu = time.perf_counter(), time.process_time()
        found, _model = match(stores, model, rules=RULES, now=NOW, progress=silent)
        yield at_most(
            f"{found.records:,} more matched ({time.process_time() - cpu:.1f} s of processor)",
            time.perf_counter() - clock,
            1.0,
            unit=" s",
        )
        after = _people(stores)
        yield Figure("of the new, linked", f"{found.linked:,} of {found.pairs:,} pairs", "(no goal)", True)
        yield equal(
            "untouched profiles with another id", _renamed(before, after, merges_into(stores.warehouse)), 0
        )


def _stores(folder: Path) -> Stores:
    key = WorkspaceKey(bytes(range(32)))
    return Stores(
        Warehouse(folder / "facts"),
        open_ledger(f"sqlite:///{folder / 'ledger.sqlite'}"),
        open_vault(folder / "vault.sqlite", key),
        key,
    )


def _key(number: int) -> str:
    return f"user:{(number * 2654435761) % 2**32:08x}{number:024x}"


def _take(stores: Stores, told: Sequence[tuple[int, dict[str, str]]], start: int) -> None:
    """What taking in a file does: seal, and link the keys that records name."""
    keys = [_key(start + n) for n in range(len(told))]
    stores.vault.seal(details(key, values) for key, (_person, values) in zip(keys, told, strict=True))
    at = next_instant(stores.warehouse, NOW)
    touched = keep_edges(
        stores.warehouse, record_edges([[k] for k in keys], source="bench", now=at), part=f"bench/{start}"
    )
    relink(stores.warehouse, stores.ledger, touched, decided=decided(stores.ledger), rules=RULES, now=at)


def _people(stores: Stores) -> dict[str, str]:
    links = stores.warehouse.arrow(stores.warehouse.table("link"))
    return dict(zip(links["key"].to_pylist(), links["profile_id"].to_pylist(), strict=True))


def _profiles(stores: Stores) -> list[str]:
    found = _people(stores)
    return [found[_key(n)] for n in range(SIZE)]


def _quality(profiles: list[str], told: Sequence[tuple[int, dict[str, str]]]) -> tuple[float, float]:
    """Precision and recall over all pairs of records."""
    found = np.unique(np.array(profiles), return_inverse=True)[1].astype(np.int64)
    truth = np.array([person for person, _values in told[: len(profiles)]], dtype=np.int64)
    both = _pairs(found * (truth.max() + 1) + truth)
    return both / max(_pairs(found), 1), both / max(_pairs(truth), 1)


def _pairs(labels: np.ndarray) -> int:
    counts = np.unique(labels, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())


def _renamed(before: dict[str, str], after: dict[str, str], merges: Sequence[Merge]) -> int:
    """Keys with another id than before although no merge of their profile is logged."""
    became = {merge.newer: merge.older for merge in merges}
    return sum(after.get(key) != became.get(profile, profile) for key, profile in before.items())
