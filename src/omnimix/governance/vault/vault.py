"""Sealing, opening and forgetting what is personal.

in   profile ids with fields and values; a workspace key
out  AES-256-GCM ciphertext (NIST SP 800-38D) in the vault's own SQLite file, one data key per profile

A data key is wrapped by a key derived from the workspace key; the profile id and the item are authenticated with
each ciphertext, so that a row moved to another profile no longer opens. Forgetting a profile destroys its data key
(crypto-erasure) and leaves a mark, so that the same file taken in again does not bring the person back.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, event, insert, select, text
from sqlalchemy.orm import Session, sessionmaker

from omnimix.core.errors import Conflict, NotFound
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.pseudonym import Pseudonyms
from omnimix.governance.vault.rows import DataKeyRow, SealedRow, VaultRow
from omnimix.store.ledger import engine_at

_NONCE = 12
_AT_ONCE = 500  # profiles looked up in one query


class Tampered(Conflict):
    """A sealed value does not open: it was changed, moved, or sealed under another workspace key."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One value to be sealed under a profile: `field` is user, anon, email, phone, first_name, address, …"""

    profile_id: str
    field: str
    value: str


class Vault:
    """The vault of one workspace."""

    def __init__(self, sessions: sessionmaker[Session], key: WorkspaceKey) -> None:
        self._sessions = sessions
        self._wrap = AESGCM(key.subkey("vault"))
        self._records = AESGCM(key.subkey("records"))
        self._pseudonyms = Pseudonyms(key)

    def seal(self, values: Iterable[Sealed]) -> int:
        """Seal values in one transaction; what is sealed already stays. Returns how many were new.

        Values of forgotten profiles are dropped.
        """
        wanted: dict[str, dict[str, Sealed]] = defaultdict(dict)
        for value in values:
            wanted[value.profile_id][self._pseudonyms.of(value.field, value.value)] = value
        profiles = sorted(wanted)
        new = 0
        with self._sessions.begin() as session:
            for start in range(0, len(profiles), _AT_ONCE):
                new += self._seal_some(session, {p: wanted[p] for p in profiles[start : start + _AT_ONCE]})
        return new

    def _seal_some(self, session: Session, wanted: dict[str, dict[str, Sealed]]) -> int:
        named = select(DataKeyRow.profile_id, DataKeyRow.wrapped).where(DataKeyRow.profile_id.in_(wanted))
        keys: dict[str, bytes | None] = {row[0]: row[1] for row in session.execute(named)}
        items_held = select(SealedRow.profile_id, SealedRow.item).where(SealedRow.profile_id.in_(wanted))
        held = {(row[0], row[1]) for row in session.execute(items_held)}
        new_keys: list[dict[str, object]] = []
        new_rows: list[dict[str, object]] = []
        for profile, items in wanted.items():
            if profile not in keys:
                keys[profile] = self._new_data_key(profile)
                new_keys.append({"profile_id": profile, "wrapped": keys[profile]})
            missing = {item: v for item, v in items.items() if (profile, item) not in held}
            wrapped = keys[profile]
            if wrapped is not None and missing:
                data_key = self._data_key(profile, wrapped)
                new_rows += [_sealed_row(data_key, profile, item, v) for item, v in missing.items()]
        for table, rows in ((DataKeyRow, new_keys), (SealedRow, new_rows)):
            if rows:
                session.execute(insert(table), rows)
        return len(new_rows)

    def open_profile(self, profile_id: str) -> dict[str, tuple[str, ...]]:
        """Everything known of a profile: field → values, sorted. Raises NotFound, Tampered."""
        with self._sessions() as session:
            row = session.get(DataKeyRow, profile_id)
            if row is None or row.wrapped is None:
                state = "was forgotten" if row else "is not in the vault"
                raise NotFound(f"profile {profile_id!r} {state}")
            data_key = self._data_key(profile_id, row.wrapped)
            values: dict[str, list[str]] = defaultdict(list)
            for sealed in session.scalars(select(SealedRow).where(SealedRow.profile_id == profile_id)):
                field, value = _opened(data_key, sealed)
                values[field].append(value)
        return {field: tuple(sorted(found)) for field, found in sorted(values.items())}

    def forget(self, profile_id: str, *, now: datetime) -> None:
        """Destroy the profile's data key and values for ever; later values of it are dropped."""
        with self._sessions.begin() as session:
            session.execute(delete(SealedRow).where(SealedRow.profile_id == profile_id))
            session.merge(DataKeyRow(profile_id=profile_id, wrapped=None, forgotten_at=now))
        with self._sessions.begin() as session:  # no copy of the key may stay in the write-ahead log
            session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def is_forgotten(self, profile_id: str) -> bool:
        """Whether the profile was forgotten."""
        with self._sessions() as session:
            row = session.get(DataKeyRow, profile_id)
            return row is not None and row.wrapped is None

    def merge(self, newer: str, *, into: str, now: datetime) -> None:
        """Move everything of `newer` to `into`, sealed anew. If either was forgotten, both are. Safe to repeat."""
        if self.is_forgotten(newer) or self.is_forgotten(into):
            for profile in (newer, into):
                self.forget(profile, now=now)
            return
        with self._sessions.begin() as session:
            row = session.get(DataKeyRow, newer)
            if row is None or row.wrapped is None:
                return
            data_key = self._data_key(newer, row.wrapped)
            rows = session.scalars(select(SealedRow).where(SealedRow.profile_id == newer)).all()
            moved = [Sealed(into, *_opened(data_key, sealed)) for sealed in rows]
            self._seal_some(session, {into: {self._pseudonyms.of(v.field, v.value): v for v in moved}})
            session.execute(delete(SealedRow).where(SealedRow.profile_id == newer))
            session.delete(row)

    def seal_record(self, record: bytes) -> bytes:
        """Encrypt a raw record that belongs to no profile yet (a quarantined line)."""
        nonce = os.urandom(_NONCE)
        return nonce + self._records.encrypt(nonce, record, None)

    def open_record(self, cipher: bytes) -> bytes:
        """Decrypt what `seal_record` made. Raises Tampered."""
        return _decrypt(self._records, cipher, b"", what="a quarantined record")

    def _new_data_key(self, profile_id: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._wrap.encrypt(nonce, AESGCM.generate_key(256), profile_id.encode())

    def _data_key(self, profile_id: str, wrapped: bytes) -> AESGCM:
        return AESGCM(_decrypt(self._wrap, wrapped, profile_id.encode(), what=f"the key of {profile_id}"))

    def close(self) -> None:
        """Close the vault's file."""
        self._sessions.kw["bind"].dispose()


def open_vault(path: Path, key: WorkspaceKey) -> Vault:
    """Open the vault at `path`, making it, readable by its owner alone, if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    engine = engine_at(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA secure_delete = ON"))
    VaultRow.metadata.create_all(engine)
    return Vault(sessionmaker(engine, expire_on_commit=False), key)


def _bound(profile_id: str, item: str) -> bytes:
    return f"{profile_id}\x1f{item}".encode()


def _sealed_row(data_key: AESGCM, profile_id: str, item: str, value: Sealed) -> dict[str, object]:
    nonce = os.urandom(_NONCE)
    plain = json.dumps([value.field, value.value]).encode()
    cipher = nonce + data_key.encrypt(nonce, plain, _bound(profile_id, item))
    return {"profile_id": profile_id, "item": item, "cipher": cipher}


def _opened(data_key: AESGCM, row: SealedRow) -> tuple[str, str]:
    bound = _bound(row.profile_id, row.item)
    plain = _decrypt(data_key, row.cipher, bound, what=f"a value of {row.profile_id}")
    field, value = json.loads(plain)
    return str(field), str(value)


def _decrypt(key: AESGCM, cipher: bytes, bound: bytes, *, what: str) -> bytes:
    try:
        return key.decrypt(cipher[:_NONCE], cipher[_NONCE:], bound or None)
    except (InvalidTag, ValueError, TypeError):
        raise Tampered(
            f"{what} does not open: it was changed, or sealed under another workspace key", where="vault"
        ) from None
