"""The audit chain: intact when untouched, and naming the broken entry after any change."""

import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from omnimix.core.errors import Unavailable
from omnimix.governance.audit import Anchor, append, entries, verify
from omnimix.store.ledger import Ledger, open_ledger


def written(ledger: Ledger, anchor: Anchor, count: int) -> None:
    for i in range(count):
        with ledger.begin() as session:
            append(
                session,
                actor="anna",
                action="approved",
                subject=f"variant-{i}",
                detail={"digest": "ab" * 8, "naïve": "£"},
                now=datetime(2026, 11, 1, 12, i),
            )
        with ledger() as session:
            anchor.write(session)


@pytest.fixture
def anchor(tmp_path: Path) -> Anchor:
    return Anchor(tmp_path / "audit.anchor")


def test_untouched_chain_is_intact(ledger: Ledger, anchor: Anchor) -> None:
    written(ledger, anchor, 4)
    with ledger() as session:
        assert verify(session, anchor).intact
        assert [e.subject for e in entries(session)] == [f"variant-{i}" for i in range(4)]


def test_empty_chain_is_intact(ledger: Ledger, anchor: Anchor) -> None:
    with ledger() as session:
        anchor.write(session)
        assert verify(session, anchor).entries == 0
        assert verify(session, anchor).intact


@given(number=st.integers(1, 5), column=st.sampled_from(["body", "hash"]), seed=st.integers(0, 10_000))
def test_any_changed_character_names_its_entry(
    tmp_path_factory: pytest.TempPathFactory, number: int, column: str, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("audit")
    ledger = open_ledger(f"sqlite:///{folder / 'l.sqlite'}")
    anchor = Anchor(folder / "anchor")
    written(ledger, anchor, 5)
    with ledger.begin() as session:
        old = session.execute(text(f"select {column} from audit where number = {number}")).scalar_one()
        place = seed % len(old)
        new = old[:place] + ("x" if old[place] != "x" else "y") + old[place + 1 :]
        session.execute(text(f"update audit set {column} = :new where number = {number}"), {"new": new})
    with ledger() as session:
        verdict = verify(session, anchor)
    ledger.kw["bind"].dispose()
    assert not verdict.intact
    assert verdict.broken == number


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("delete from audit where number = 3", 3),
        ("delete from audit where number >= 4", 4),
        ("update audit set number = 99 where number = 2", 2),
        ("insert into audit select 6, body, hash from audit where number = 5", 6),
    ],
)
def test_removed_moved_or_added_entries_are_named(
    ledger: Ledger, anchor: Anchor, change: str, broken: int
) -> None:
    written(ledger, anchor, 5)
    with ledger.begin() as session:
        session.execute(text(change))
    with ledger() as session:
        assert verify(session, anchor).broken == broken


def test_every_flipped_byte_of_the_audit_on_disk_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    ledger = open_ledger(f"sqlite:///{path}")
    anchor = Anchor(tmp_path / "anchor")
    written(ledger, anchor, 3)
    ledger.kw["bind"].dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    clean = path.read_bytes()
    start = clean.index(b'{"action":"approved"')  # the newest entry's body comes first on its page
    for place in range(start, len(clean), 199):
        path.write_bytes(clean[:place] + bytes([clean[place] ^ 1]) + clean[place + 1 :])
        noticed, kept = True, 0
        try:
            damaged = open_ledger(f"sqlite:///{path}")
        except Unavailable:
            damaged = None
        if damaged:
            with damaged() as session:
                noticed = not verify(session, anchor).intact
                kept = 0 if noticed else len(list(entries(session)))
            damaged.kw["bind"].dispose()
        for extra in (path.with_name("l.sqlite-wal"), path.with_name("l.sqlite-shm")):
            extra.unlink(missing_ok=True)
        # A flip outside the three entries (free space, another table's page) changes no entry.
        assert noticed or kept == 3
        inside = clean[place : place + 1] != b"\0" and b'"approved"' in clean[max(0, place - 150) : place + 10]
        assert noticed or not inside, place


def test_changed_or_missing_anchor_is_noticed(ledger: Ledger, anchor: Anchor) -> None:
    written(ledger, anchor, 2)
    whole = anchor.path.read_text()
    anchor.path.write_text("x" + whole[1:])
    with ledger() as session:
        assert not verify(session, anchor).intact
    anchor.path.write_text(whole[:-2] + "\n")
    with ledger() as session:
        assert verify(session, anchor).broken == 2
    anchor.path.unlink()
    with ledger() as session:
        assert not verify(session, anchor).intact
