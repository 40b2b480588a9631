"""Everything that is to be taken in: what waits in the inbox, then the files and queries of the sources.

in   a Machine
out  facts; an IngestReport over all sources, live ones among them
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from omnimix.data.counts import Counts, IngestReport
from omnimix.data.ingest import LOCK, ingest, intake_of, silent
from omnimix.data.intake import Intake, Progress
from omnimix.data.live.settle import settle
from omnimix.data.live.spec import Collect
from omnimix.data.settled import settled
from omnimix.flow.follow import follow, follow_on, follower_of, is_online
from omnimix.flow.machine import Machine
from omnimix.flow.sources import INBOX, live_sources, readers, sources_of
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Inbox
from omnimix.store.turns import turn

__all__ = ["INBOX", "gather", "inbox_at", "live_sources", "settle_on", "settle_waiting", "sources_of"]
_DAY = 86_400


def inbox_at(folder: Path, rules: Collect) -> Inbox:
    """The inbox in a folder, opened. One at a time in a process; close it."""
    return Inbox(folder, window_seconds=rules.dedupe_days * _DAY, most_keys=rules.dedupe_events)


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
            return settle_on(machine, inbox, progress)
    finally:
        inbox.close()


def settle_on(
    machine: Machine, inbox: Inbox, progress: Progress = silent, *, follows: bool = False, close: bool = True
) -> dict[str, Counts]:
    """`settle_waiting` for whoever holds the intake's lock. `follows`: and the follower's, too.

    Where there is online state, it gets to know of every event before the event's log goes. Without `close` the
    log that is being written is left for the next time.
    """
    online = machine.online() if is_online(machine) else None
    try:
        before: Callable[[Sequence[Path]], object] = len  # nobody follows
        if online is not None:
            ahead = follow_on if follows else follow
            before = partial(ahead, follower_of(machine, online, inbox), now=machine.clock())
        return settle(
            inbox,
            seal=Seal(machine.key, INBOX),
            sources=readers(machine),
            other=machine.live,
            intake=_intake(machine, progress),
            before=before,
            close=close,
        )
    finally:
        if online is not None:
            online.close()


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
