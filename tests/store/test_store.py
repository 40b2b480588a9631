"""Warehouse, ledger, blobs and artifacts keep what they are given, whole."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput, NotFound, Unavailable
from omnimix.core.grade import Grade
from omnimix.store.artifacts import Artifacts
from omnimix.store.blobs import Blobs
from omnimix.store.facts import LINK, SCHEMAS, check
from omnimix.store.ledger import open_ledger
from omnimix.store.warehouse import Warehouse

AT = datetime(2026, 1, 2, 3, 4, 5, 678901)


def links(*keys: str) -> pa.Table:
    rows = [{"key": k, "kind": "user", "profile_id": f"p_{k}", "linked_at": AT} for k in keys]
    return pa.Table.from_pylist(rows, schema=LINK.to_pyarrow())


@pytest.mark.parametrize("fact", sorted(SCHEMAS))
def test_every_fact_starts_empty_and_typed(warehouse: Warehouse, fact: str) -> None:
    table = check(warehouse.table(fact), SCHEMAS[fact], name=fact)
    assert warehouse.arrow(table).num_rows == 0


@given(
    st.lists(st.text(max_size=8), unique=True, max_size=8), st.lists(st.text(max_size=8), unique=True, max_size=8)
)
def test_parts_are_replaced_not_added(
    tmp_path_factory: pytest.TempPathFactory, first: list[str], then: list[str]
) -> None:
    warehouse = Warehouse(tmp_path_factory.mktemp("w") / "facts")
    warehouse.write("link", links(*first), part="a/one")
    warehouse.write("link", links("other"), part="b")
    assert warehouse.write("link", links(*then), part="a/one") == len(then)
    kept = warehouse.arrow(warehouse.table("link"))["key"].to_pylist()
    assert sorted(kept) == sorted([*then, "other"])
    assert warehouse.parts("link") == ["a/one", "b"]
    warehouse.close()


def test_instants_come_back_to_the_microsecond_in_utc(warehouse: Warehouse) -> None:
    warehouse.write("link", links("a"))
    assert warehouse.arrow(warehouse.table("link"))["linked_at"].to_pylist() == [AT]
    day = warehouse.table("link").mutate(day=ibis._.linked_at.date()).select("day")
    assert warehouse.arrow(day)["day"].to_pylist() == [date(2026, 1, 2)]


def test_an_interrupted_write_leaves_the_old_part(warehouse: Warehouse) -> None:
    warehouse.write("link", links("a"))
    broken = links("b").drop_columns(["kind"])
    with pytest.raises(InvalidInput, match="lack the columns"):
        warehouse.write("link", broken)
    (warehouse.root / "link" / ".all.123.tmp").write_bytes(b"half a file")
    assert warehouse.arrow(warehouse.table("link"))["key"].to_pylist() == ["a"]


def test_check_names_the_missing_and_the_wrongly_typed_column(warehouse: Warehouse) -> None:
    table = warehouse.table("link")
    with pytest.raises(InvalidInput, match="no column 'profile_id'"):
        check(table.drop("profile_id"), LINK, name="link")
    with pytest.raises(InvalidInput, match="column 'kind' of 'link' is int64"):
        check(table.mutate(kind=ibis.literal(1, "int64")), LINK, name="link")


def test_unknown_fact_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(InvalidInput, match="no table 'nothing'"):
        warehouse.table("nothing")


def test_materialised_and_sql_tables_join(warehouse: Warehouse) -> None:
    warehouse.write("link", links("a", "b"))
    kept = warehouse.materialise(warehouse.table("link").filter(ibis._.key == "a"))
    rows = warehouse.sql(
        "select count(*) from mine join everyone using (key)", mine=kept, everyone=warehouse.table("link")
    )
    assert rows.fetchall() == [(1,)]


def test_ledger_that_cannot_be_opened_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unavailable, match=r"the ledger cannot be opened.*check the path"):
        open_ledger(f"sqlite:///{tmp_path / 'folder'}")


@given(st.binary())
def test_blobs_are_kept_once_under_their_digest(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    blobs = Blobs(tmp_path_factory.mktemp("b"))
    name = blobs.put(content)
    assert blobs.put(content) == name
    assert blobs.get(name) == content


def test_unknown_blob(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Blobs(tmp_path).get("0" * 64)


@dataclass(frozen=True)
class Thing:
    name: str
    on: date
    grade: Grade
    parts: tuple[int, ...]
    high: float = float("inf")


def test_artifacts_come_back_typed(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    things = (Thing("a", date(2026, 1, 1), Grade.MODEL, (1, 2)),)
    artifacts.save("campaign/things", things)
    assert artifacts.load("campaign/things", tuple[Thing, ...]) == things
    assert artifacts.has("campaign/things")
    with pytest.raises(NotFound, match="run `omnimix run`"):
        artifacts.load("others", tuple[Thing, ...])


TEXTS = st.lists(
    st.none() | st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=6), max_size=12
)


@given(TEXTS)
def test_what_a_dictionary_holds_reads_as_text(warehouse: Warehouse, texts: list[str | None]) -> None:
    rows = ibis.memtable(
        pa.table({"place": pa.array(range(len(texts)), pa.int64()), "text": pa.array(texts, pa.string())})
    )
    held = warehouse.materialise(rows, {"text": warehouse.learn(rows.select("text")), "elsewhere": "unused"})
    assert held.schema() == rows.schema()
    assert warehouse.arrow(held.order_by("place"))["text"].to_pylist() == texts
    known = sorted(t for t in texts if t is not None)
    assert warehouse.arrow(held.filter(held.text.notnull()).order_by("text"))["text"].to_pylist() == known
    assert warehouse.arrow(held.filter(held.text == "none of these words")).num_rows == 0
    joined = warehouse.arrow(held.mutate(other=held.text + "!").filter(held.text.notnull()))["other"].to_pylist()
    assert sorted(joined) == sorted(t + "!" for t in known)


def test_too_many_words_make_no_dictionary(warehouse: Warehouse) -> None:
    rows = ibis.memtable(pa.table({"text": ["a", "b", "a"]}))
    held = warehouse.materialise(rows, {"text": warehouse.learn(rows, most=1)})
    assert warehouse.learn(rows, most=1) == ""
    assert sorted(warehouse.arrow(held)["text"].to_pylist()) == ["a", "a", "b"]
