"""Keys, pseudonyms and the vault: sealed, opened, moved, forgotten; any change is noticed."""

import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from omnimix.governance.keys import WorkspaceKey, create_key, load_key
from omnimix.governance.pseudonym import KeyKind, Pseudonyms, normalised
from omnimix.governance.vault import Sealed, Tampered, Vault, details, open_vault

KEY, OTHER = WorkspaceKey(bytes(32)), WorkspaceKey(bytes(31) + b"\1")


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    opened = open_vault(tmp_path / "vault.sqlite", KEY)
    yield opened
    opened.close()


def values(vault: Vault, tmp_path: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(tmp_path.glob("vault.sqlite*")))


def test_key_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "key"
    made = create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(path=path).subkey("x") == made.subkey("x")
    assert load_key(value=path.read_text()).subkey("x") == made.subkey("x")
    assert made.subkey("x") != made.subkey("y")
    assert "***" in repr(made)
    with pytest.raises(Conflict):
        create_key(path)
    path.chmod(0o640)
    with pytest.raises(NotAllowed, match="chmod 600"):
        load_key(path=path)
    with pytest.raises(NotFound):
        load_key(path=tmp_path / "none")
    with pytest.raises(NotFound):
        load_key()
    for wrong in ("short", "!" * 44, "QUJD"):
        with pytest.raises(InvalidInput, match="32 bytes"):
            load_key(value=wrong)


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        (KeyKind.USER, " 17850.0 ", "17850"),
        (KeyKind.USER, "A-17.0b", "A-17.0b"),
        (KeyKind.USER, "null", None),
        (KeyKind.ANONYMOUS, "00000000-0000-0000-0000-000000000000", None),
        (KeyKind.EMAIL, " Ada@Example.COM", "ada@example.com"),
        (KeyKind.PHONE, "020 7946 0018", "+442079460018"),
        (KeyKind.PHONE, "+33 1 23 45 67 89", "+33123456789"),
        (KeyKind.PHONE, "'0049 30 901820", "+4930901820"),
    ],
)
def test_normalised(kind: KeyKind, text: str, wanted: str | None) -> None:
    assert normalised(kind, text) == wanted


@pytest.mark.parametrize(
    ("kind", "text"), [(KeyKind.EMAIL, "ada@"), (KeyKind.EMAIL, "a b@c.de"), (KeyKind.PHONE, "x")]
)
def test_not_an_identifier(kind: KeyKind, text: str) -> None:
    with pytest.raises(InvalidInput):
        normalised(kind, text)


@given(st.text(min_size=1), st.text(min_size=1))
def test_pseudonyms_are_stable_and_distinct(one: str, other: str) -> None:
    mine = Pseudonyms(KEY)
    assert mine.of("user", one) == Pseudonyms(KEY).of("user", one)
    assert (mine.of("user", one) == mine.of("user", other)) == (one == other)
    assert mine.of("user", one) != Pseudonyms(OTHER).of("user", one)
    assert mine.of("user", one)[5:] != mine.of("anon", one)[5:]


def test_seal_open_and_forget(vault: Vault, tmp_path: Path, now: datetime) -> None:
    ada = [Sealed("p1", "email", "ada@example.com"), details("p1", {"first_name": "Ada", "city": "London"})]
    assert vault.seal([*ada, Sealed("p2", "email", "bob@example.com")]) == 3
    assert vault.seal(ada) == 0, "sealing twice is sealing once"
    assert vault.open(["p1"]) == {"city": ("London",), "email": ("ada@example.com",), "first_name": ("Ada",)}
    assert b"ada@" not in values(vault, tmp_path)
    vault.forget(["p1"], now=now)
    with pytest.raises(NotFound, match="forgotten"):
        vault.open(["p1"])
    assert vault.seal(ada) == 0, "a forgotten person does not come back"
    with pytest.raises(NotFound):
        vault.open(["p1"])
    assert vault.open(["p2"]) == {"email": ("bob@example.com",)}
    assert vault.forgotten() == {"p1"}


def test_forgetting_leaves_no_key_in_the_files(vault: Vault, tmp_path: Path, now: datetime) -> None:
    vault.seal([Sealed("p1", "email", "ada@example.com")])
    with vault._sessions() as session:  # the bytes that must go
        wrapped = session.connection().exec_driver_sql("SELECT wrapped FROM owner_key").scalar_one()
    assert wrapped in values(vault, tmp_path)
    vault.forget(["p1"], now=now)
    assert wrapped not in values(vault, tmp_path)


def test_a_person_opens_as_all_keys_do(vault: Vault) -> None:
    vault.seal(
        [Sealed("a", "email", "a@b.example"), Sealed("b", "phone", "+1"), Sealed("b", "email", "a@b.example")]
    )
    assert vault.open(["a", "b", "c"]) == {"email": ("a@b.example",), "phone": ("+1",)}
    assert vault.open(["b"]) == {"email": ("a@b.example",), "phone": ("+1",)}
    with pytest.raises(NotFound, match="nobody"):
        vault.open(["c"])


def test_details_are_numbered(vault: Vault, now: datetime) -> None:
    vault.seal(
        [details("a", {"city": "Hull"}), Sealed("a", "email", "a@b.example"), details("b", {"city": "Ely"})]
    )
    first, second = vault.details()
    assert (first.owner, first.values, second.owner) == ("a", {"city": "Hull"}, "b")
    assert list(vault.details(after=second.number)) == []
    assert [d.owner for d in vault.details(numbers=[first.number, second.number])] == ["a", "b"]
    assert [d.owner for d in vault.details_of(["b", "c"])] == ["b"]
    vault.forget(["b"], now=now)
    vault.seal([details("c", {"city": "Bath"})])
    (third,) = vault.details(after=second.number)
    assert third.owner == "c", "a number is never given twice"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sealed_value SET cipher = CAST(x'00' || substr(cipher, 2) AS BLOB)",
        "UPDATE sealed_value SET owner = 'p2' WHERE owner = 'p1'",
        "UPDATE owner_key SET wrapped = (SELECT wrapped FROM owner_key k WHERE k.owner = 'p1')",
    ],
)
def test_any_change_is_noticed(vault: Vault, change: str) -> None:
    vault.seal([Sealed("p1", "email", "ada@example.com")])
    vault.seal([Sealed("p2", "phone", "+1")])
    with vault._sessions.begin() as session:
        session.connection().exec_driver_sql(change)
    broken = [owner for owner in ("p1", "p2") if not opens(vault, owner)]
    assert broken


def opens(vault: Vault, owner: str) -> bool:
    try:
        return bool(vault.open([owner]))
    except (Tampered, NotFound):
        return False


def test_wrong_key(vault: Vault, tmp_path: Path) -> None:
    vault.seal([Sealed("p1", "email", "ada@example.com")])
    record = vault.seal_record(b"raw")
    assert vault.open_record(record) == b"raw"
    stranger = open_vault(tmp_path / "vault.sqlite", OTHER)
    with pytest.raises(Tampered):
        stranger.open(["p1"])
    with pytest.raises(Tampered):
        stranger.open_record(record)
    stranger.close()
