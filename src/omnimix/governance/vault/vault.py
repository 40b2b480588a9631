"""Sealing, opening and forgetting what is personal.

in   person keys with fields and values; a workspace key
out  AES-256-GCM ciphertext (NIST SP 800-38D) in the vault's own SQLite file, one data key per person key

What is sealed belongs to the person key it was told of, not to a profile: when profiles merge or part, nothing
here changes, and a profile opens as all of its keys do. A data key is wrapped by a key derived from the workspace
key; the owner and the item are authenticated with each ciphertext, so that a row moved to another owner no longer
opens.
Forgetting destroys the data keys (crypto-erasure) and leaves a mark, so that the same file taken in again does not
bring the person back.
"""

import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Row, Select, delete, event, insert, select, text
from sqlalchemy.orm import Session, sessionmaker

from omnimix.core.errors import NotFound
from omnimix.core.hashing import canonical_json
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.pseudonym import Pseudonyms
from omnimix.governance.seal import Tampered
from omnimix.governance.vault.rows import DataKeyRow, SealedRow, VaultRow
from omnimix.store.ledger import engine_at
from omnimix.store.turns import turn

DETAILS = "details"  # the field of what one record says of a person besides identifiers, as one JSON object
_NONCE = 12
_AT_ONCE = 500  # owners looked up in one query
T = TypeVar("T")
_PLAIN, _VALUES = msgspec.json.Decoder(tuple[str, str]), msgspec.json.Decoder(dict[str, str])
_Joined = Row[int, str, str, bytes, bytes]  # number, owner, item, cipher, the owner's wrapped key


@dataclass(frozen=True, slots=True)
class Sealed:
    """One value to be sealed under a person key: `field` is user, anon, email, phone, or `details`."""

    owner: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Detail:
    """What one record says of a person: its number in the vault (later ones are larger), whose, field → value."""

    number: int
    owner: str
    values: Mapping[str, str]


def details(owner: str, values: Mapping[str, str]) -> Sealed:
    """What one record says of a person, to be sealed as one."""
    return Sealed(owner, DETAILS, canonical_json(values))


class Vault:
    """The vault of one workspace."""

    def __init__(self, sessions: sessionmaker[Session], key: WorkspaceKey) -> None:
        self._sessions = sessions
        self._wrap = AESGCM(key.subkey("vault"))
        self._records = AESGCM(key.subkey("records"))
        self._pseudonyms = Pseudonyms(key)

    def seal(self, values: Iterable[Sealed]) -> int:
        """Seal values in one transaction; what is sealed already stays. Returns how many were new.

        Values of forgotten owners are dropped.
        """
        wanted: dict[str, dict[str, Sealed]] = defaultdict(dict)
        for value in values:
            wanted[value.owner][self._pseudonyms.of(value.field, value.value)] = value
        owners = sorted(wanted)
        new = 0
        with self._sessions.begin() as session:
            for some in _batched(owners):
                new += self._seal_some(session, {owner: wanted[owner] for owner in some})
        return new

    def _seal_some(self, session: Session, wanted: dict[str, dict[str, Sealed]]) -> int:
        named = select(DataKeyRow.owner, DataKeyRow.wrapped).where(DataKeyRow.owner.in_(wanted))
        keys: dict[str, bytes | None] = {row[0]: row[1] for row in session.execute(named)}
        items_held = select(SealedRow.owner, SealedRow.item).where(SealedRow.owner.in_(wanted))
        held = {(row[0], row[1]) for row in session.execute(items_held)}
        new_keys: list[dict[str, object]] = []
        new_rows: list[dict[str, object]] = []
        for owner, items in wanted.items():
            if owner not in keys:
                keys[owner] = self._new_data_key(owner)
                new_keys.append({"owner": owner, "wrapped": keys[owner]})
            missing = {item: v for item, v in items.items() if (owner, item) not in held}
            wrapped = keys[owner]
            if wrapped is not None and missing:
                data_key = self._data_key(owner, wrapped)
                new_rows += [_sealed_row(data_key, owner, item, v) for item, v in missing.items()]
        for table, rows in ((DataKeyRow, new_keys), (SealedRow, new_rows)):
            if rows:
                session.execute(insert(table), rows)
        return len(new_rows)

    def open(self, owners: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Everything known of a person by these keys: field → values, sorted. Raises NotFound, Tampered."""
        values: dict[str, set[str]] = defaultdict(set)
        found = forgotten = False
        with self._sessions() as session:
            for some in _batched(sorted(owners)):
                for row in session.scalars(select(DataKeyRow).where(DataKeyRow.owner.in_(some))):
                    found, forgotten = True, forgotten or row.wrapped is None
                for sealed in session.execute(_with_keys().where(SealedRow.owner.in_(some))):
                    for field, value in self._fields(sealed):
                        values[field].add(value)
        if not found or (forgotten and not values):
            raise NotFound("this person was forgotten" if found else "nobody of these keys is in the vault")
        return {field: tuple(sorted(those)) for field, those in sorted(values.items())}

    def _fields(self, sealed: _Joined) -> Iterable[tuple[str, str]]:
        field, value = self._opened(sealed)
        return _VALUES.decode(value).items() if field == DETAILS else [(field, value)]

    def _opened(self, sealed: _Joined) -> tuple[str, str]:
        _number, owner, item, cipher, wrapped = sealed
        plain = _decrypt(self._data_key(owner, wrapped), cipher, _bound(owner, item), what=f"a value of {owner}")
        return _PLAIN.decode(plain)

    def details(self, *, after: int = 0, numbers: Collection[int] | None = None) -> Iterator[Detail]:
        """What records say of people: those sealed later than number `after`, or exactly those of `numbers`."""
        query = _with_keys().where(SealedRow.item.startswith(f"{DETAILS}:"))
        with self._sessions() as session:
            if numbers is None:
                newer = query.where(SealedRow.number > after).order_by(SealedRow.number)
                found: Iterable[_Joined] = session.execute(newer.execution_options(yield_per=10_000))
            else:
                found = (
                    row
                    for some in _batched(sorted(numbers))
                    for row in session.execute(query.where(SealedRow.number.in_(some)))
                )
            for sealed in found:
                yield Detail(sealed[0], sealed[1], _VALUES.decode(self._opened(sealed)[1]))

    def newest(self) -> int:
        """The number of the newest details; 0 where there are none."""
        query = select(SealedRow.number).where(SealedRow.item.startswith(f"{DETAILS}:"))
        with self._sessions() as session:
            return session.scalars(query.order_by(SealedRow.number.desc()).limit(1)).first() or 0

    def details_of(self, owners: Collection[str]) -> Iterator[Detail]:
        """What records say of the people of these keys."""
        query = _with_keys().where(SealedRow.item.startswith(f"{DETAILS}:"))
        with self._sessions() as session:
            for some in _batched(sorted(owners)):
                for sealed in session.execute(query.where(SealedRow.owner.in_(some)).order_by(SealedRow.number)):
                    yield Detail(sealed[0], sealed[1], _VALUES.decode(self._opened(sealed)[1]))

    def forget(self, owners: Collection[str], *, now: datetime) -> None:
        """Destroy these keys' data keys and values for ever; later values of them are dropped."""
        with self._sessions.begin() as session:
            for owner in owners:
                session.execute(delete(SealedRow).where(SealedRow.owner == owner))
                session.merge(DataKeyRow(owner=owner, wrapped=None, forgotten_at=now))
        with self._sessions.begin() as session:  # no copy of the key may stay in the write-ahead log
            session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def forgotten(self) -> frozenset[str]:
        """The person keys that were forgotten."""
        with self._sessions() as session:
            return frozenset(session.scalars(select(DataKeyRow.owner).where(DataKeyRow.wrapped.is_(None))))

    def seal_record(self, record: bytes) -> bytes:
        """Encrypt a raw record that belongs to no profile yet (a quarantined line)."""
        nonce = os.urandom(_NONCE)
        return nonce + self._records.encrypt(nonce, record, None)

    def open_record(self, cipher: bytes) -> bytes:
        """Decrypt what `seal_record` made. Raises Tampered."""
        return _decrypt(self._records, cipher, b"", what="a quarantined record")

    def _new_data_key(self, owner: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._wrap.encrypt(nonce, AESGCM.generate_key(256), owner.encode())

    def _data_key(self, owner: str, wrapped: bytes) -> AESGCM:
        return AESGCM(_decrypt(self._wrap, wrapped, owner.encode(), what=f"the key of {owner}"))

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
    with turn(path.with_suffix(".lock")):  # of programs that open a new vault together one makes its tables
        VaultRow.metadata.create_all(engine)
    return Vault(sessionmaker(engine, expire_on_commit=False), key)


def _batched(wanted: Sequence[T]) -> Iterator[Sequence[T]]:
    return (wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE))


def _with_keys() -> Select[int, str, str, bytes, bytes]:
    """Sealed values, each beside its owner's wrapped data key."""
    columns = select(SealedRow.number, SealedRow.owner, SealedRow.item, SealedRow.cipher, DataKeyRow.wrapped)
    return columns.join(DataKeyRow, DataKeyRow.owner == SealedRow.owner)  # type: ignore[return-value]


def _bound(owner: str, item: str) -> bytes:
    return f"{owner}\x1f{item}".encode()


def _sealed_row(data_key: AESGCM, owner: str, item: str, value: Sealed) -> dict[str, object]:
    nonce = os.urandom(_NONCE)
    plain = json.dumps([value.field, value.value]).encode()
    cipher = nonce + data_key.encrypt(nonce, plain, _bound(owner, item))
    return {"owner": owner, "item": item, "cipher": cipher}


def _decrypt(key: AESGCM, cipher: bytes, bound: bytes, *, what: str) -> bytes:
    try:
        return key.decrypt(cipher[:_NONCE], cipher[_NONCE:], bound or None)
    except (InvalidTag, ValueError, TypeError):
        raise Tampered(
            f"{what} does not open: it was changed, or sealed under another workspace key", where="vault"
        ) from None
