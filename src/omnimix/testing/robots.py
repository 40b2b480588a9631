"""A day's traffic with planted robots among people, for tests and proofs of what tells them apart.

in   how many people, a seed
out  event rows with a profile_id, and for each event what sort of visitor did it

People come alone, from offices and from mobile networks, where many share one address; some look at one page only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from omnimix.data.robots.marks import DELIVERED, HIDDEN_LINK
from omnimix.data.robots.words import AGENT, PREFETCH, SCANNER
from omnimix.store.facts import EVENT

PEOPLE = ("person", "office", "mobile network", "reader")
ROBOTS = ("agent", "scanner", "prefetcher", "data centre", "crawler", "gateway")
_DAY = datetime(2026, 11, 1, 6)  # noqa: DTZ001 - instants are naive UTC
_SCHEMA = ibis.schema({n: t.copy(nullable=True) for n, t in EVENT.items()} | {"profile_id": "string"})
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Events in the shape of EVENT with profile_id, and event id → sort of visitor."""

    events: pa.Table
    kinds: dict[str, str]


def traffic(*, people: int, seed: int) -> Traffic:
    """A day of so many people alone, a fifth as many in each shared network, and robots of each sort."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    kinds: dict[str, str] = {}
    sorts = {
        "person": _visits(rng, people, "person", networks=people),
        "office": _visits(rng, people // 5, "office", networks=2),
        "mobile network": _visits(rng, people // 5, "mobile", networks=3),
        "reader": _mails(rng, people // 5, "reader", wait=(20, 20_000)),
        "agent": _visits(rng, 40, "agent", networks=40, robot=AGENT),
        "scanner": _visits(rng, 20, "scan", networks=20, robot=SCANNER),
        "prefetcher": _visits(rng, 20, "early", networks=20, robot=PREFETCH),
        "data centre": _burst(rng, 120),
        "crawler": _crawl(rng, 5),
        "gateway": _mails(rng, 40, "gate", wait=(0, 1)),
    }
    for sort, made in sorts.items():
        for row in made:
            event_id = f"{sort}-{len(rows):06d}"
            kinds[event_id] = "delivery" if row["name"] == DELIVERED else sort  # nobody's doing
            rows.append({n: None for n in _SCHEMA.names} | row | {"event_id": event_id, "source": "web"})
    return Traffic(pa.Table.from_pylist(rows, schema=_SCHEMA.to_pyarrow()), kinds)


def _row(name: str, at: datetime, who: str, network: str | None, robot: str | None = None) -> Row:
    whose = {"person_key": f"anon:{who}", "profile_id": who}
    return {"name": name, "occurred_at": at, "network": network, "robot": robot, **whose}


def _visits(
    rng: np.random.Generator, count: int, name: str, *, networks: int, robot: str | None = None
) -> Iterator[Row]:
    """Visits over the day: three in ten look at one page, the others at two to twelve, half a minute apart."""
    for n in range(count):
        network, at = (
            f"net:{name}{rng.integers(networks)}",
            _DAY + timedelta(seconds=float(rng.uniform(0, 50_000))),
        )
        for _page in range(1 if rng.random() < 0.3 else int(rng.integers(2, 13))):
            yield _row("Page Viewed", at, f"{name}{n}", network, robot)
            at += timedelta(seconds=float(rng.uniform(3, 60)))


def _mails(rng: np.random.Generator, count: int, name: str, *, wait: tuple[int, int]) -> Iterator[Row]:
    """An e-mail delivered, then opened and clicked after so many seconds."""
    for n in range(count):
        at = _DAY + timedelta(seconds=float(rng.uniform(0, 20_000)))
        later = at + timedelta(seconds=float(rng.uniform(*wait)))
        yield _row(DELIVERED, at, f"{name}{n}", None)
        yield _row("Email Opened", later, f"{name}{n}", None)
        yield _row("Email Link Clicked", later, f"{name}{n}", None)


def _burst(rng: np.random.Generator, count: int) -> Iterator[Row]:
    """A data centre's new visitors, a page or two each, within some minutes of one clock hour."""
    start = _DAY + timedelta(hours=4, minutes=2)
    for n in range(count):
        at = start + timedelta(seconds=float(rng.uniform(0, 420)))
        for step in range(int(rng.choice([1, 1, 2]))):
            yield _row("Page Viewed", at + timedelta(seconds=step), f"dc{n}", "net:dc")


def _crawl(rng: np.random.Generator, count: int) -> Iterator[Row]:
    """Crawlers that follow every link, the hidden one too, for two minutes."""
    for n in range(count):
        at = _DAY + timedelta(seconds=float(rng.uniform(0, 50_000)))
        for step in range(30):
            name = HIDDEN_LINK if step == 12 else "Page Viewed"
            yield _row(name, at + timedelta(seconds=4 * step), f"crawl{n}", f"net:crawl{n}")
