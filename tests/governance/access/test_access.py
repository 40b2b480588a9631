"""Accounts and sessions: who gets in, for how long, what they may do; nothing readable in the ledger."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from omnimix.core.errors import Conflict, InvalidInput, NotAllowed
from omnimix.governance import audit
from omnimix.governance.access.account import (
    FAILURES,
    LOCKED,
    account,
    accounts,
    change,
    check_password,
    make,
)
from omnimix.governance.access.role import Right, Role, require, rights_of
from omnimix.governance.access.sign_in import IDLE, LONGEST, form_is_ours, form_token, sign_in, sign_out, signed_in
from omnimix.store.ledger import Ledger, open_ledger

NOW = datetime(2026, 11, 22, 9)
PASSWORD = "seven green teapots"  # noqa: S105


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    with opened.begin() as session:
        make(session, "Ann", PASSWORD, [Role.ADMIN], by="setup", now=NOW)
        make(session, "Bob", PASSWORD, [Role.APPROVER, Role.EDITOR], by="Ann", now=NOW)
    yield opened
    opened.kw["bind"].dispose()


def test_the_right_password_gets_in_and_others_do_not(ledger: Ledger) -> None:
    with ledger.begin() as session:
        assert check_password(session, "Bob", PASSWORD, now=NOW) == account(session, "Bob")
        assert check_password(session, "Bob", PASSWORD + " ", now=NOW) is None
        assert check_password(session, "Nobody", PASSWORD, now=NOW) is None
        change(session, "Bob", by="Ann", now=NOW, closed=True)
        assert check_password(session, "Bob", PASSWORD, now=NOW) is None


def test_guessing_locks_for_a_while(ledger: Ledger) -> None:
    with ledger.begin() as session:
        for _ in range(FAILURES):
            assert check_password(session, "Bob", "a wrong guess", now=NOW) is None
        assert check_password(session, "Bob", PASSWORD, now=NOW) is None
        assert check_password(session, "Bob", PASSWORD, now=NOW + LOCKED) is not None
        assert "account.lock" in [e.action for e in audit.entries(session)]


@pytest.mark.parametrize("password", ["short", "a long one with Zoe in it"])
def test_weak_passwords_are_refused(ledger: Ledger, password: str) -> None:
    with ledger.begin() as session, pytest.raises(InvalidInput, match="password"):
        make(session, "Zoe", password, [Role.VIEWER], by="Ann", now=NOW)


def test_names_are_unique_and_roles_needed(ledger: Ledger) -> None:
    with ledger.begin() as session:
        with pytest.raises(Conflict):
            make(session, "Ann", PASSWORD, [Role.VIEWER], by="Ann", now=NOW)
        with pytest.raises(InvalidInput, match="role"):
            make(session, "Zoe", PASSWORD, [], by="Ann", now=NOW)
        assert [a.name for a in accounts(session)] == ["Ann", "Bob"]


def test_sessions_end(ledger: Ledger) -> None:
    with ledger.begin() as session:
        token = sign_in(session, account(session, "Bob"), now=NOW)
        assert signed_in(session, token, now=NOW + IDLE) == account(session, "Bob")
        assert signed_in(session, token + "x", now=NOW) is None
        assert signed_in(session, token, now=NOW + 3 * IDLE) is None  # silent for too long
        token = sign_in(session, account(session, "Bob"), now=NOW)
        at = NOW
        while signed_in(session, token, now=at):
            at += timedelta(hours=1)
        assert at - NOW > LONGEST  # never longer, however busy
        token = sign_in(session, account(session, "Bob"), now=NOW)
        sign_out(session, token)
        assert signed_in(session, token, now=NOW) is None
        token = sign_in(session, account(session, "Bob"), now=NOW)
        change(session, "Bob", by="Ann", now=NOW, roles=[Role.VIEWER])
        assert signed_in(session, token, now=NOW) is None  # new rights, new sign-in


def test_neither_password_nor_token_can_be_read_from_the_ledger(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.begin() as session:
        token = sign_in(session, account(session, "Bob"), now=NOW)
        assert all(p.startswith("$argon2id$") for (p,) in session.execute(text("select password from account")))
    kept = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert PASSWORD.encode() not in kept
    assert token.encode() not in kept


def test_forms_of_another_session_are_not_ours() -> None:
    given = form_token("one", b"secret")
    assert form_is_ours("one", given, b"secret")
    assert not form_is_ours("other", given, b"secret")
    assert not form_is_ours("one", given, b"another secret")


def test_rights_follow_roles_and_admins_do_not_decide() -> None:
    assert Right.DECIDE in rights_of([Role.VIEWER, Role.APPROVER])
    for role in (Role.ADMIN, Role.EDITOR, Role.VIEWER, Role.PRIVACY_OFFICER):
        with pytest.raises(NotAllowed, match="approver"):
            require([role], Right.DECIDE, who="Ann")


def test_the_last_admin_stays(ledger: Ledger) -> None:
    with ledger.begin() as session:
        for way in ({"closed": True}, {"roles": [Role.VIEWER]}):
            with pytest.raises(NotAllowed, match="last admin"):
                change(session, "Ann", by="Ann", now=NOW, **way)
        make(session, "Zoe", PASSWORD, [Role.ADMIN], by="Ann", now=NOW)
        assert change(session, "Ann", by="Zoe", now=NOW, closed=True).closed
