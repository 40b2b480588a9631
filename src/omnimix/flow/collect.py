"""Everything that is to be taken in: what waits in the inbox, then the files and queries of the sources.

in   a Machine
out  facts; an IngestReport over all sources, live ones among them
"""

from collections.abc import Mapping
from pathlib import Path

from omnimix.data.counts import Counts, IngestReport
from omnimix.data.ingest import LOCK, ingest, intake_of, silent
from omnimix.data.intake import Intake, Progress
from omnimix.data.live.settle import settle
from omnimix.data.live.spec import Collect
from omnimix.data.settled import settled
from omnimix.data.source.spec import Source
from omnimix.flow.machine import Machine
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Inbox
from omnimix.store.turns import turn

INBOX = "inbox"  # folder beside the facts, and what its seal is for
_DAY = 86_400


def inbox_at(folder: Path, rules: Collect) -> Inbox:
    """The inbox in a folder, opened. One at a time in a process; close it."""
    return Inbox(folder, window_seconds=rules.dedupe_days * _DAY, most_keys=rules.dedupe_events)


def live_sources(machine: Machine) -> Mapping[str, Source]:
    """The source that each write key stands for."""
    return dict.fromkeys(machine.collect.write_keys, machine.live)


def sources_of(machine: Machine) -> Mapping[str, Source]:
    """Every source, live ones among them."""
    return {**machine.sources, **live_sources(machine)}


def settle_waiting(machine: Machine, progress: Progress = silent) -> dict[str, Counts]:
    """Make facts of what waits in the inbox. Counts by source of what was settled now. Safe to cut short."""
    folder = machine.warehouse.local.root.parent / INBOX
    if not folder.exists():
        return {}
    inbox = inbox_at(folder, machine.collect)
    try:
        if not inbox.waiting():
            return {}
        with turn(folder.parent / LOCK):
            return settle(
                inbox,
                seal=Seal(machine.key, INBOX),
                sources=live_sources(machine),
                other=machine.live,
                intake=_intake(machine, progress),
            )
    finally:
        inbox.close()


def gather(machine: Machine, progress: Progress = silent) -> IngestReport:
    """Settle what waits, then read every source. Counts are of everything ever taken in, by source."""
    settle_waiting(machine, progress)
    report = ingest(
        machine.sources,
        root=machine.root,
        warehouse=machine.warehouse.local,
        ledger=machine.ledger,
        vault=machine.vault,
        key=machine.key,
        now=machine.clock(),
        identity=machine.identity,
        progress=progress,
    )
    live = settled(machine.ledger, live_sources(machine))
    return IngestReport({**report.sources, **live}, report.facts, report.profiles)


def _intake(machine: Machine, progress: Progress) -> Intake:
    return intake_of(
        warehouse=machine.warehouse.local,
        ledger=machine.ledger,
        vault=machine.vault,
        key=machine.key,
        now=machine.clock(),
        identity=machine.identity,
        progress=progress,
    )
