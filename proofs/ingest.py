"""[prove ingest] Real orders taken in to the last penny, planted faults found one by one, kills survived.

in   the shipped Online Retail order lines; order files made here with a seed
out  counts against the published ones; faults found against planted; facts after a kill against facts without

Every run is a process of its own, so that seconds and memory are its own and a kill is a real one (SIGKILL).
"""

import random
import resource
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from omnimix.data.ingest import ingest
from omnimix.data.quarantine import quarantined
from omnimix.data.source.spec import Source
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.vault import open_vault
from omnimix.store.ledger import open_ledger
from omnimix.store.warehouse import Warehouse
from omnimix.testing.evidence import Figure, at_most, equal

KEY = WorkspaceKey(bytes(range(32)))
NOW = datetime(2026, 11, 1)
KILLS, CLEAN, FAULTS = 20, 20_000, 1_000
HEAD = "order_id,sku,product,qty,date,price,email\n"
RETAIL = {
    "orders": Source(path="online_retail.parquet", preset="order_lines", currency="GBP", timezone="Europe/London")
}
SMALL = {"orders": Source(path="orders*.csv", preset="order_lines", currency="GBP")}
FACTS = ("order_line", "event", "product", "link")

# How a fault is planted: what becomes of the fields, the field it is found in, the reason it must give.
KINDS: tuple[tuple[dict[str, str], str, str], ...] = (
    ({"qty": "two"}, "quantity", "is not a whole number"),
    ({"qty": "1.5"}, "quantity", "is not a whole number"),
    ({"qty": "0"}, "quantity", "is zero"),
    ({"qty": ""}, "quantity", "is missing"),
    ({"qty": "99999999999"}, "quantity", "is above 1e+09"),
    ({"price": "cheap"}, "unit_price", "is not a number"),
    ({"price": "1.2.3"}, "unit_price", "is not a number"),
    ({"price": ""}, "unit_price", "is missing"),
    ({"date": "2024-02-30 10:00"}, "occurred_at", "is not a date and time"),
    ({"date": "yesterday"}, "occurred_at", "is not a date and time"),
    ({"date": "2099-01-01 10:00"}, "occurred_at", "is in the future"),
    ({"date": "1066-10-14 09:00"}, "occurred_at", "is before 1990"),
    ({"date": ""}, "occurred_at", "is missing"),
    ({"order_id": " "}, "order_id", "is missing"),
    ({"order_id": "x" * 201}, "order_id", "is longer than 200 characters"),
    ({"sku": "n/a"}, "product_id", "is missing"),
    ({"email": "no.at.example"}, "email", "is not an e-mail address"),
    ({"email": "two@a.example two@b.example"}, "email", "is not an e-mail address"),
    ({"product": "a,b"}, "(record)", "has 8 fields, the header has 7"),
    ({"product": "\udcff"}, "(record)", "has bytes that are not in the file's encoding"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave: counts, fingerprint of the facts, seconds, peak memory in MB."""

    counts: dict[str, int]
    print_: str
    seconds: float
    megabytes: float


def take_in(folder: Path, sources: dict[str, Source], line: Connection) -> None:
    """Ingest in this process and send the Run; a first message says that work begins."""
    warehouse = Warehouse(folder / "state" / "facts")
    ledger, vault = (
        open_ledger(f"sqlite:///{folder / 'state' / 'ledger.sqlite'}"),
        open_vault(folder / "state" / "vault.sqlite", KEY),
    )
    line.send("begun")
    start = time.perf_counter()
    report = ingest(sources, root=folder, warehouse=warehouse, ledger=ledger, vault=vault, key=KEY, now=NOW)
    seconds = time.perf_counter() - start
    total = report.total
    counts = {"lines": total.lines_read, "accepted": total.accepted, "rejected": total.rejected}
    counts |= {"adds up": int(total.adds_up), "profiles": report.profiles, **_known(warehouse)}
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line.send(Run(counts, fingerprint(warehouse), seconds, megabytes))


def _known(warehouse: Warehouse) -> dict[str, int]:
    query = """SELECT count(DISTINCT order_id), count(DISTINCT person_key), sum(amount_minor)::BIGINT,
        count(*) FILTER (order_id LIKE 'C%') FROM lines"""
    row = warehouse.sql(query, lines=warehouse.table("order_line")).fetchone() or (0, 0, 0, 0)
    return dict(zip(("orders", "customers", "gross", "cancellation lines"), map(int, row), strict=True))


def fingerprint(warehouse: Warehouse) -> str:
    """The same for the same rows in any order."""
    marks = []
    for fact in FACTS:
        query = "SELECT count(*), bit_xor(hash(t::VARCHAR)), sum(hash(t::VARCHAR) % 1000003) FROM t"
        marks.append(f"{fact} {warehouse.sql(query, t=warehouse.table(fact)).fetchone()}")
    return "; ".join(marks)


def run(folder: Path, sources: dict[str, Source], *, kill_after: float | None = None) -> Run | None:
    """Ingest in a process of its own; None when it was killed before it was done."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=take_in, args=(folder, sources, there))
    process.start()
    there.close()
    with closing(here):
        try:
            here.recv()
            if kill_after is None or here.poll(kill_after):
                found: Run = here.recv()
                return found
            process.kill()
        except EOFError:
            raise RuntimeError(f"ingest ended with {process.exitcode}") from None
        finally:
            process.join()
    return None if process.exitcode == -signal.SIGKILL else run(folder, sources)


def line_of(number: int, rng: random.Random) -> dict[str, str]:
    """A good order line."""
    return {
        "order_id": str(10_000 + number // 3),
        "sku": f"P{rng.randrange(300)}",
        "product": f"THING {rng.randrange(300)}",
        "qty": str(rng.choice([1, 2, 3, 12, -1])),
        "date": f"2024-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02} {rng.randrange(24):02}:30",
        "price": f"{rng.randrange(50, 5000) / 100:.2f}",
        "email": rng.choice(["", f"p{rng.randrange(2000)}@shop.example"]),
    }


def plant(path: Path, *, clean: int, faults: int, seed: int) -> Counter[tuple[int, str, str]]:
    """Write an order file with planted faults; returns (file line, field, reason) of each."""
    rng = random.Random(seed)
    spoilt = set(rng.sample(range(clean + faults), faults))
    planted: Counter[tuple[int, str, str]] = Counter()
    with path.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(HEAD)
        for number in range(clean + faults):
            fields = line_of(number, rng)
            if number in spoilt:
                change, field, reason = KINDS[len(planted) % len(KINDS)]
                fields |= change
                planted[number + 2, field, reason] += 1
            file.write(",".join(fields.values()) + "\n")
    return planted


def _retail(folder: Path) -> Iterator[Figure]:
    shop = resources.files("omnimix.testing") / "shop" / "online_retail.parquet"
    with resources.as_file(shop) as path:
        shutil.copy(path, folder / "online_retail.parquet")
    first, again = run(folder, RETAIL), run(folder, RETAIL)
    assert first
    assert again
    wanted = {
        "lines": 541_909,
        "accepted": 541_909,
        "orders": 25_900,
        "customers": 4_372,
        "cancellation lines": 9_288,
        "gross": 974_774_793,
    }
    for name, goal in wanted.items():
        yield equal(f"Online Retail, {name}", first.counts[name], goal)
    yield equal(
        "Online Retail, the same again", again.counts == first.counts and again.print_ == first.print_, True
    )
    yield at_most("Online Retail, seconds", first.seconds, 12, unit=" s")
    yield at_most("Online Retail, peak memory", first.megabytes, 1024, unit=" MB")


def _faults(folder: Path) -> Iterator[Figure]:
    planted = plant(folder / "orders.csv", clean=CLEAN, faults=FAULTS, seed=1)
    found = run(folder, SMALL)
    assert found
    ledger = open_ledger(f"sqlite:///{folder / 'state' / 'ledger.sqlite'}")
    listed = quarantined(ledger, vault=open_vault(folder / "state" / "vault.sqlite", KEY))
    seen = Counter((q.line, q.field, q.reason) for q in listed)
    yield equal("planted faults found, with line, field, reason", (seen & planted).total(), FAULTS)
    yield equal("quarantined without a planted fault", (seen - planted).total(), 0)
    yield equal("good lines accepted", found.counts["accepted"], CLEAN)


def _kills(folder: Path) -> Iterator[Figure]:
    rng = random.Random(2)
    for number in range(3):
        plant(folder / f"orders{number}.csv", clean=4_000, faults=40, seed=number)
    calm = folder / "calm"
    shutil.copytree(folder, calm, ignore=shutil.ignore_patterns("calm"))
    wanted = run(calm, SMALL)
    assert wanted
    killed = same = 0
    for _ in range(KILLS):
        shutil.rmtree(folder / "state", ignore_errors=True)
        while run(folder, SMALL, kill_after=rng.uniform(0, wanted.seconds)) is None and rng.random() < 0.3:
            killed += 1
        killed += 1
        healed = run(folder, SMALL)
        assert healed
        same += healed.print_ == wanted.print_ and healed.counts == wanted.counts
    yield equal(
        f"{killed} kills at random moments, facts the same after", f"{same} of {KILLS}", f"{KILLS} of {KILLS}"
    )


def figures() -> Iterator[Figure]:
    """Online Retail, planted faults, kills."""
    for part in (_retail, _faults, _kills):
        with tempfile.TemporaryDirectory() as folder:
            yield from part(Path(folder))
