"""What became of bids: wins and bills of the exchanges, spend, the books.

in   a Machine: the events `Bid Won` and `Bid Billed` that notices became
out  SPEND rows, media entries in the books of each campaign; an account by exchange; matched ids of people
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from ibis import _

from omnimix.activation.bid.ask import match_key, matched
from omnimix.activation.bid.notice import EVENTS, SOURCE
from omnimix.flow.machine import Machine
from omnimix.flow.step import Counts
from omnimix.governance.pseudonym import KeyKind, Pseudonyms, normalised
from omnimix.measurement.books.bills import Bill, bill_entries, spend_rows, total_nano
from omnimix.measurement.books.journal import correct
from omnimix.store.online import Change

PART = "exchanges"  # of the spend fact
_WON, _BILLED = EVENTS["win"], EVENTS["bill"]
_BATCH = 1_000  # matched ids of one turn
_said = msgspec.json.Decoder(dict[str, str]).decode


@dataclass(frozen=True, slots=True)
class Account:
    """What one exchange and campaign come to. `unbilled`: wins that were never billed although their time is over;
    `waiting`: wins whose time is not over. Money in billionths of one unit of the currency, and in minor units."""

    exchange: str
    campaign: str
    billed: int
    unbilled: int
    waiting: int
    nano: int
    spend_minor: int


def bills_of(machine: Machine) -> list[Bill]:
    """Every bill there is, each bid once."""
    bills: dict[str, Bill] = {}
    for said in _told(machine, _BILLED):
        bill = Bill(
            campaign=said["campaign"],
            on=said["on"],
            exchange=said["exchange"],
            variant_id=said["variant_id"],
            decision_id=said["decision_id"],
            nano=int(said["cpm"]),
        )
        bills.setdefault(bill.decision_id, bill)
    return sorted(bills.values())


def book_bids(machine: Machine) -> tuple[list[Account], int]:
    """Write spend, post the books; the account by exchange and campaign, and how many entries were posted.

    Doing it again changes nothing; a bill that came late corrects what it changes.
    """
    bills = bills_of(machine)
    if not bills and PART not in machine.warehouse.parts("spend"):
        return [], 0
    spend = spend_rows(bills, currency=machine.currency)
    machine.warehouse.write("spend", spend, part=PART)
    now = machine.clock()
    with machine.ledger.begin() as session:
        posted = sum(correct(session, entry, why="bills that came late", now=now) for entry in bill_entries(spend))
    return accounts(machine, bills, spend.to_pylist()), posted


def accounts(machine: Machine, bills: Iterable[Bill], spend: list[dict[str, object]]) -> list[Account]:
    """Bills, wins without one, and spend, by exchange and campaign."""
    by: dict[tuple[str, str], list[Bill]] = defaultdict(list)
    for bill in bills:
        by[bill.exchange, bill.campaign].append(bill)
    known = {bill.decision_id for own in by.values() for bill in own}
    over = machine.clock() - timedelta(seconds=machine.bid.life_seconds)
    open_wins: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for said in _told(machine, _WON):
        if said["decision_id"] not in known:
            known.add(said["decision_id"])
            open_wins[said["exchange"], said["campaign"]].append(said["at"] < over)
    cost: dict[tuple[str, str], int] = defaultdict(int)
    for row in spend:
        cost[str(row["source"]), str(row["campaign"])] += int(str(row["cost_minor"]))
    return [
        Account(
            exchange=exchange,
            campaign=campaign,
            billed=len(by[exchange, campaign]),
            unbilled=sum(open_wins[exchange, campaign]),
            waiting=sum(not over for over in open_wins[exchange, campaign]),
            nano=total_nano(by[exchange, campaign]),
            spend_minor=cost[exchange, campaign],
        )
        for exchange, campaign in sorted({*by, *open_wins})
    ]


def _told(machine: Machine, name: str) -> Iterable[dict]:  # type: ignore[type-arg]
    """The properties of our notices' events of a name, with their day and instant, in a fixed order."""
    events = machine.warehouse.table("event")
    rows = events.filter((_.source == SOURCE) & (_.name == name)).select("event_id", "occurred_at", "properties")
    for row in sorted(machine.warehouse.arrow(rows).to_pylist(), key=lambda r: r["event_id"]):
        said = _said(row["properties"] or "{}")
        if "cpm" in said and "decision_id" in said:
            yield {**said, "at": row["occurred_at"], "on": row["occurred_at"].date()}


def bids_step(machine: Machine) -> Counts:
    """`book_bids` as a step of a run."""
    found, posted = book_bids(machine)
    return Counts(sum(a.billed for a in found), posted, unit_in="bills", unit_out="entries")


def match_ids(machine: Machine, exchange: str, pairs: Iterable[tuple[str, str]]) -> int:
    """Take in an exchange's match table: its id of a person, our anonymous or user id. Returns how many.

    Only pseudonyms of both are kept, in the online store.
    """
    of = Pseudonyms(machine.key).of
    found: dict[bytes, bytes | None] = {}
    for theirs, ours in pairs:
        name = normalised(KeyKind.ANONYMOUS, ours)
        if name and theirs.strip():
            found[match_key(matched(exchange, theirs, of))] = of(KeyKind.ANONYMOUS, name).encode()
    online = machine.online()
    try:
        rows = sorted(found.items())
        for at in range(0, len(rows), _BATCH):
            part = Change(dict(rows[at : at + _BATCH]))
            online.change([], lambda _raw, part=part: part)  # type: ignore[misc]
        online.flush()
    finally:
        online.close()
    return len(found)
