"""Accounts: passwords as Argon2id hashes, roles, and a lock against guessing.

in   names, passwords, a ledger session whose transaction the caller owns
out  Account records; audit entries for every change, none of which holds a password

Argon2id with the library's defaults (RFC 9106, section 4, second recommended option). After five failures in a row
an account is locked for a while (OWASP, Authentication Cheat Sheet); a wrong name costs as much time as a wrong
password.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from omnimix.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from omnimix.governance import audit
from omnimix.governance.access.role import Role
from omnimix.governance.access.rows import AccountRow, SignInRow

SHORTEST = 12  # characters of a password (NIST SP 800-63B asks for 8, the console spends money)
FAILURES = 5
LOCKED = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in."""

    name: str
    roles: tuple[Role, ...]
    closed: bool = False


def make(
    session: Session, name: str, password: str, roles: Collection[Role], *, by: str, now: datetime
) -> Account:
    """Make an account. Raises Conflict when the name is taken, InvalidInput for a weak password or no role."""
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise InvalidInput("an account needs a name of 1 to 100 printable characters", where="account")
    if session.get(AccountRow, name) is not None:
        raise Conflict(f"there is an account {name!r} already", where="account", fix="choose another name")
    row = AccountRow(name=name, password=_hashed(name, password), roles=_written(roles), closed=False, failures=0)
    session.add(row)
    _note(session, "account.make", name, by=by, now=now, roles=row.roles)
    return _account(row)


def change(
    session: Session,
    name: str,
    *,
    by: str,
    now: datetime,
    password: str | None = None,
    roles: Collection[Role] | None = None,
    closed: bool | None = None,
) -> Account:
    """Change an account; what is None stays. Whoever is signed in by it must do so again.

    Raises NotFound, NotAllowed when nobody would be left who can give out rights.
    """
    row = _row(session, name)
    stays = not closed and (roles is None or Role.ADMIN in roles)
    if Role.ADMIN in _account(row).roles and not row.closed and not stays:
        _refuse_last_admin(session, name)
    if password is not None:
        row.password, row.failures, row.locked_until = _hashed(name, password), 0, None
    if roles is not None:
        row.roles = _written(roles)
    if closed is not None:
        row.closed = closed
    for signed in session.scalars(select(SignInRow).where(SignInRow.name == name)):
        session.delete(signed)
    session.flush()
    detail = {"roles": row.roles, "closed": row.closed, "password": "changed" if password is not None else "kept"}
    _note(session, "account.change", name, by=by, now=now, **detail)
    return _account(row)


def accounts(session: Session) -> tuple[Account, ...]:
    """Every account, by name."""
    return tuple(_account(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.name)))


def account(session: Session, name: str) -> Account:
    """One account. Raises NotFound."""
    return _account(_row(session, name))


def check_password(session: Session, name: str, password: str, *, now: datetime) -> Account | None:
    """The account when name and password belong together, else None; failures are counted in the session."""
    row = session.get(AccountRow, name)
    if row is None or row.closed or (row.locked_until is not None and row.locked_until > now):
        _matches(_nobody(), password)  # so that the answer takes as long as for an account that is there
        return None
    if not _matches(row.password, password):
        row.failures += 1
        if row.failures >= FAILURES:
            row.locked_until, row.failures = now + LOCKED, 0
            _note(session, "account.lock", name, by="omnimix", now=now)
        return None
    row.failures, row.locked_until = 0, None
    if _hasher().check_needs_rehash(row.password):
        row.password = _hasher().hash(password)
    return _account(row)


def _hashed(name: str, password: str) -> str:
    if len(password) < SHORTEST or name.casefold() in password.casefold():
        raise InvalidInput(
            f"a password has {SHORTEST} characters or more and does not hold the name",
            where=f"account {name}",
            fix="choose a sentence",
        )
    return _hasher().hash(password)


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher().hash("no account has this password")


def _matches(kept: str, password: str) -> bool:
    try:
        return _hasher().verify(kept, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _written(roles: Collection[Role]) -> str:
    if not roles:
        raise InvalidInput("an account needs a role", where="account", fix=f"choose from {', '.join(Role)}")
    return " ".join(role for role in Role if role in roles)


def _row(session: Session, name: str) -> AccountRow:
    row = session.get(AccountRow, name)
    if row is None:
        raise NotFound(f"there is no account {name!r}", where="account", fix="omnimix account list")
    return row


def _account(row: AccountRow) -> Account:
    return Account(row.name, tuple(Role(r) for r in row.roles.split()), row.closed)


def _note(session: Session, action: str, name: str, *, by: str, now: datetime, **detail: object) -> None:
    audit.append(session, actor=by, action=action, subject=f"account/{name}", detail=dict(detail), now=now)


def _refuse_last_admin(session: Session, name: str) -> None:
    others = [a for a in accounts(session) if Role.ADMIN in a.roles and not a.closed and a.name != name]
    if not others:
        raise NotAllowed("this is the last admin", where=f"account {name}", fix="make another admin first")
