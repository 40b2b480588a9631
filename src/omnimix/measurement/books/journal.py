"""The journal: posting entries once, taking them back by reversing, reading them again.

in   Entry records and a ledger session, whose transaction the caller owns
out  rows in the books; Entry records as they were posted
"""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from omnimix.core.errors import Conflict, NotFound
from omnimix.measurement.books.entry import Account, Entry, Line
from omnimix.measurement.books.rows import EntryRow, PostingRow


def post(session: Session, entries: Iterable[Entry | None], *, now: datetime) -> int:
    """Post what is not in the books yet and return how many were new. None is skipped.

    Posting the same entry again changes nothing. Raises Conflict when its key was posted with other content,
    or the campaign's books are in another currency.
    """
    new = 0
    for entry in entries:
        if entry is None:
            continue
        known = _row(session, entry.campaign, entry.key)
        if known is None:
            _same_currency(session, entry)
            session.add(_made(entry, now))
            session.flush()
            new += 1
        elif known.digest != entry.digest:
            raise Conflict(
                f"entry {entry.key!r} was posted with other content",
                where=f"books of {entry.campaign}",
                fix="take the first one back with a reversing entry and post the new one under a key of its own",
            )
    return new


def reverse(session: Session, campaign: str, key: str, *, on: date, why: str, now: datetime) -> Entry:
    """Take an entry back and return the reversing entry. Doing it again with the same reason changes nothing.

    Raises NotFound when there is no such entry.
    """
    row = _row(session, campaign, key)
    if row is None:
        raise NotFound(f"no entry {key!r}", where=f"books of {campaign}", fix="look at the statement for its key")
    reversal = _entry(row).reversal(on=on, why=why)
    post(session, [reversal], now=now)
    return reversal


def correct(session: Session, entry: Entry, *, why: str, now: datetime) -> int:
    """Make the books say what `entry` says under its key: as posted, or by reversing and posting anew.

    The newest version of a key is `key`, then `key:2`, `key:3` … Returns how many entries were posted: 0, 1
    or 2.
    """
    version, current = _newest(session, entry)
    stands = current is not None and _row(session, entry.campaign, current.reversal_key) is None
    if stands and current is not None and current.lines == entry.lines and current.on == entry.on:
        return 0
    before = 0
    if stands and current is not None:
        reverse(session, entry.campaign, current.key, on=entry.on, why=why, now=now)
        before = 1
    key = entry.key if current is None else f"{entry.key}:{version + 1}"
    again = Entry(
        entry.campaign, key, entry.on, entry.memo, entry.lines, entry.currency, entry.simulated, entry.reverses
    )
    return before + post(session, [again], now=now)


def replay(session: Session, campaign: str, entries: Iterable[Entry], *, on: date, why: str, now: datetime) -> int:
    """Make the campaign's simulated entries exactly `entries`: correct those, take back all others that stand.

    A market lived again with fewer weeks leaves entries behind that nothing in the facts stands for. Entries that
    are not simulated stay. Returns how many entries were posted.
    """
    wanted = list(entries)
    posted = sum(correct(session, entry, why=why, now=now) for entry in wanted)
    current = {newest.key for _, newest in (_newest(session, e) for e in wanted) if newest}
    everything = journal(session, campaign)
    gone = current | {entry.reverses for entry in everything}
    for entry in everything:
        if entry.simulated and not entry.reverses and entry.key not in gone:
            reverse(session, campaign, entry.key, on=on, why=why, now=now)
            posted += 1
    return posted


def journal(session: Session, campaign: str) -> tuple[Entry, ...]:
    """Every entry of a campaign in the order of posting."""
    rows = session.scalars(select(EntryRow).where(EntryRow.campaign == campaign).order_by(EntryRow.entry_id))
    return tuple(_entry(row) for row in rows)


def _newest(session: Session, entry: Entry) -> tuple[int, Entry | None]:
    version, current = 0, None
    while True:
        key = entry.key if version == 0 else f"{entry.key}:{version + 1}"
        row = _row(session, entry.campaign, key)
        if row is None:
            return version, current
        version, current = version + 1, _entry(row)


def _row(session: Session, campaign: str, key: str) -> EntryRow | None:
    return session.scalars(select(EntryRow).where(EntryRow.campaign == campaign, EntryRow.key == key)).first()


def _same_currency(session: Session, entry: Entry) -> None:
    other = session.scalars(
        select(EntryRow.currency).where(EntryRow.campaign == entry.campaign, EntryRow.currency != entry.currency)
    ).first()
    if other:
        raise Conflict(
            f"entry {entry.key!r} is in {entry.currency}, the books are in {other}",
            where=f"books of {entry.campaign}",
            fix=f"convert it to {other} first",
        )


def _made(entry: Entry, now: datetime) -> EntryRow:
    return EntryRow(
        campaign=entry.campaign,
        key=entry.key,
        posted_on=entry.on,
        posted_at=now,
        memo=entry.memo,
        currency=entry.currency,
        simulated=entry.simulated,
        reverses=entry.reverses,
        digest=entry.digest,
        postings=[
            PostingRow(line=place, account=str(line.account), minor=line.minor)
            for place, line in enumerate(entry.lines)
        ],
    )


def _entry(row: EntryRow) -> Entry:
    return Entry(
        campaign=row.campaign,
        key=row.key,
        on=row.posted_on,
        memo=row.memo,
        lines=tuple(Line(Account(posting.account), posting.minor) for posting in row.postings),
        currency=row.currency,
        simulated=row.simulated,
        reverses=row.reverses,
    )
