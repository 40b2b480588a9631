"""Matching: people without a common key, at once or in turn; nothing in the clear; forgotten stay so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splink import DuckDBAPI, Linker

from omnimix.core.errors import NotFound
from omnimix.data.identity.decisions import decide, decided
from omnimix.data.identity.evidence import evidence_of, veil
from omnimix.data.identity.fields import FIELDS
from omnimix.data.identity.match import Matched, Stores, match
from omnimix.data.identity.matching import Matching
from omnimix.data.identity.model import FLOOR, SHIPPED, splink_settings
from omnimix.data.identity.review import UNSURE, waiting
from omnimix.data.identity.rules import IdentityRules
from omnimix.data.identity.traits import traits_of
from omnimix.data.ingest import silent
from omnimix.data.source.spec import Source
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.marks import Marks
from omnimix.governance.vault import Detail
from omnimix.testing.people import records

KEY = WorkspaceKey(bytes(range(32)))
HEAD = "id,first,last,born,town,zip,mail,language,seen\n"
COLUMNS = {
    "user_id": "id",
    "first_name": "first",
    "last_name": "last",
    "birth_date": "born",
    "city": "town",
    "postcode": "zip",
    "email": "mail",
    "observed_at": "seen",
}
SHOP = (
    "s1,Ada,Lovelace,1985-12-10,London,SW1A 1AA,ada@home.example,en,2024-01-01\n"
    "s2,Grace,Hopper,1976-12-09,York,YO1 7HH,,en,2024-01-02\n"
    "s3,Alan,Turing,1982-06-23,Manchester,M1 1AE,,en,2024-01-03\n"
)
CRM = (
    "c1,Ada,Lovelace,10/12/1985,London,sw1a1aa,ada@work.example,fr,2024-02-01\n"  # the same, without a common key
    "c2,Grace,Hooper,1976-12-09,York,YO1 7HH,,en,2024-02-02\n"
    "c9,Rosalind,Franklin,1990-07-25,Bath,BA1 1AA,,en,2024-02-03\n"
)


def source(name: str) -> Source:
    """A source of people."""
    return Source(path=f"{name}.csv", holds="profiles", columns=COLUMNS)  # type: ignore[arg-type]


class Run:
    """A workspace in which people are matched."""

    def __init__(self, place: Any) -> None:
        self.place, self.model = place, None
        self.rules = IdentityRules()

    @property
    def stores(self) -> Stores:
        """Where matching reads and writes."""
        from_place = self.place._stores()
        return Stores(**from_place)

    def take(self, *names: str) -> None:
        """Take files in."""
        self.place.ingest({name: source(name) for name in names})

    def match(self, *, fresh: bool = False) -> Matched:
        """Compare what is new."""
        found, self.model = match(
            self.stores, self.model, rules=self.rules, now=self.place.now, progress=silent, fresh=fresh
        )
        return found

    def people(self) -> dict[str, frozenset[str]]:
        """Profile → its keys."""
        found: dict[str, set[str]] = {}
        for row in self.place.rows("link"):
            found.setdefault(row["profile_id"], set()).add(row["key"])
        return {profile: frozenset(keys) for profile, keys in found.items()}

    def named(self, first: str) -> set[str]:
        """The profiles that have this first name."""
        return {p for p in self.people() if first in self.place.known(p).get("first_name", ())}


@pytest.fixture
def run(make_place: Callable[[], Any]) -> Run:
    """A shop and a list of customers that share no key."""
    place = make_place()
    place.file("shop.csv", HEAD + SHOP)
    place.file("crm.csv", HEAD + CRM)
    return Run(place)


def test_records_without_a_common_key_become_one_person(run: Run) -> None:
    run.take("shop", "crm")
    before = run.people()
    found = run.match()
    assert (found.records, found.trained_on) == (6, 0)
    assert found.linked + found.in_review >= 2
    assert len(run.named("Ada")) == 1
    (ada,) = run.named("Ada")
    assert ada in before, "an id that was there"
    assert set(run.place.known(ada)["email"]) == {"ada@home.example", "ada@work.example"}
    assert run.named("Rosalind").isdisjoint(run.named("Alan"))
    assert run.match() == Matched(), "nothing is new"


def test_merged_traits_keep_their_source_and_time(run: Run) -> None:
    run.take("shop", "crm")
    run.match()
    (ada,) = run.named("Ada")
    warehouse = run.place.warehouse
    newest = warehouse.arrow(traits_of(warehouse.table("trait"), warehouse.table("link"))).to_pylist()
    (language,) = [t for t in newest if t["profile_id"] == ada and t["trait"] == "language"]
    assert (language["value"], language["source"], language["values"]) == ("fr", "crm", 2)
    assert language["observed_at"] == datetime(2024, 2, 1)
    assert len(run.place.rows("trait")) == 6, "nothing is overwritten"


def test_unmerge_parts_facts_traits_and_vault_again(run: Run) -> None:
    run.take("shop", "crm")
    before = run.place.rows("link")
    opened = {p: run.place.known(p) for p in run.people()}
    run.match()
    assert run.place.rows("link") != before
    stores = run.stores
    run.rules = replace(run.rules, link=1 - 1e-12, review=1 - 1e-12)
    run.match(fresh=True)
    assert run.place.rows("link") == before, "with a threshold that nobody reaches, all is as it was"
    assert {p: run.place.known(p) for p in run.people()} == opened
    run.rules = IdentityRules()
    run.match(fresh=True)
    (ada,) = run.named("Ada")
    pair = sorted(k for k in run.people()[ada] if k.startswith("user:"))
    with stores.ledger.begin() as session:
        decide(session, *pair, together=False, by="anna", why="two sisters", now=run.place.now)
    run.match(fresh=True)
    assert len(run.named("Ada")) == 2, "matching does not undo what a person decided"


def test_one_after_the_other_finds_what_all_at_once_finds(run: Run, make_place: Callable[[], Any]) -> None:
    run.take("shop", "crm")
    run.match()
    late = Run(make_place())
    late.place.file("shop.csv", HEAD + SHOP)
    late.take("shop")
    assert late.match().records == 3
    untouched = late.people()
    late.place.file("crm.csv", HEAD + CRM)
    late.take("shop", "crm")
    late.match()
    assert set(late.people().values()) == set(run.people().values())
    assert untouched.keys() <= late.people().keys(), "older ids survive"


def test_nothing_personal_is_kept_in_the_clear(run: Run) -> None:
    run.take("shop", "crm")
    run.match()
    words = ("lovelace", "hopper", "19851210", "1985-12-10", "sw1a1aa", "london")
    for path in sorted((run.place.root / "state").rglob("*")):
        if path.is_file():
            held = path.read_bytes().lower()
            assert not [word for word in words if word.encode() in held], path.name


def test_doubts_wait_with_veiled_evidence(run: Run) -> None:
    run.take("shop", "crm")
    run.rules = IdentityRules(link=1 - 1e-12, review=0.5)
    found = run.match()
    stores = run.stores
    waits = waiting(stores.warehouse, stores.ledger, decided(stores.ledger))
    assert len(waits) == found.in_review >= 2
    assert {w.reason for w in waits} == {UNSURE}
    pair = (waits[0].key_a, waits[0].key_b)
    told = evidence_of(stores, run.model or SHIPPED, [pair], rules=run.rules)[pair]
    assert waits[0].weight == pytest.approx(
        np.log2(SHIPPED.prior / (1 - SHIPPED.prior)) + sum(e.weight for e in told)
    )
    shown = " ".join(f"{e.one} {e.other}" for e in told).lower()
    assert not any(word in shown for word in ("ada", "lovelace", "12-10", "london"))
    with stores.ledger.begin() as session:
        decide(session, *pair, together=False, by="anna", why="asked", now=run.place.now)
    assert pair not in [
        (w.key_a, w.key_b) for w in waiting(stores.warehouse, stores.ledger, decided(stores.ledger))
    ]


def test_a_forgotten_person_does_not_come_back_by_a_new_key(run: Run) -> None:
    run.take("shop")
    (ada,) = run.named("Ada")
    run.place.vault.forget(run.people()[ada], now=run.place.now)
    run.place.file(
        "more.csv", HEAD + "n1,Ada,Lovelace,1985-12-10,London,SW1A 1AA,ada@home.example,en,2024-03-01\n"
    )
    run.take("shop", "more")
    run.match()
    (still,) = [p for p, keys in run.people().items() if len(keys) == 3]
    assert still == ada
    with pytest.raises(NotFound, match="forgotten"):
        run.place.known(ada)


def test_training_finds_people_who_do_not_exist() -> None:
    told = list(records(400, seed=3))
    with Matching(memory="1GB", threads=1) as people:
        people.tell(Detail(n, str(n), values) for n, (_person, values) in enumerate(told))
        people.normalise()
        model = people.train()
        every = "SELECT l.record AS one, r.record AS other FROM people AS l, people AS r WHERE l.record < r.record"
        people.run(f"CREATE TABLE pairs AS {every}")
        people.register("terms", people.terms())
        scores = people.weights(model, "pairs", "terms", least=5.0)
    found = {(a, b) for a, b in zip(scores["record_l"].to_pylist(), scores["record_r"].to_pylist(), strict=True)}
    truth = {(a, b) for a in range(400) for b in range(a + 1, 400) if told[a][0] == told[b][0]}
    assert len(found & truth) / len(found) > 0.99
    assert len(found & truth) / len(truth) > 0.95
    assert model.trained_on == 400
    assert model.chances.keys() == {field.name for field in FIELDS}


def test_weights_are_those_that_splink_gives() -> None:
    with Matching(memory="1GB", threads=1) as people:
        people.tell(Detail(n, str(n), values) for n, (_person, values) in enumerate(records(250, seed=5)))
        people.normalise()
        people.run(
            "CREATE TABLE pairs AS SELECT l.record AS one, r.record AS other FROM people AS l, people AS r"
            " WHERE l.record < r.record AND (l.last_name = r.last_name OR l.record % 9 = 0)"
        )
        people.register("terms", people.terms())
        mine = people.weights(SHIPPED, "pairs", "terms", least=-1e9)
        told, pairs = people.arrow("SELECT * FROM people"), people.arrow("SELECT * FROM pairs")
        terms = people.arrow("SELECT * FROM terms")
    api = DuckDBAPI()
    linker = Linker(api.register(told, table_name="told"), splink_settings(SHIPPED, trained=True))
    run, tables = api.duckdb_con.sql, linker.table_management
    for name in (f.name for f in FIELDS if f.common):
        shares = run(
            f"SELECT DISTINCT {name}, greatest(coalesce(share, 0), {FLOOR}) AS tf_{name} FROM told LEFT JOIN terms"
            f" ON field = '{name}' AND term = hash('{name}|' || {name}) WHERE {name} IS NOT NULL"
        ).to_arrow_table()
        tables.register_term_frequency_lookup(api.register(shares, table_name=f"tf_{name}"), name)
    handed = run("SELECT one AS join_key_l, other AS join_key_r, '0' AS match_key FROM pairs").to_arrow_table()
    tables.register_blocked_pairs_for_predict(api.register(handed, table_name="handed"))
    theirs = linker.inference.predict(threshold_match_weight=-1e9, warning_mode="never").as_pyarrow_table()
    found, wanted = (
        {(r["record_l"], r["record_r"]): r["match_weight"] for r in rows.to_pylist()} for rows in (mine, theirs)
    )
    assert len(found) == pairs.num_rows > 300
    assert terms.num_rows > 10
    assert found == pytest.approx(wanted, abs=1e-9)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=12))
def test_marks_are_a_keyed_function(hashes: list[int]) -> None:
    from_hashes = np.array(hashes, dtype=np.uint64)
    mine, theirs = Marks(KEY, "a").of(from_hashes), Marks(KEY, "b").of(from_hashes)
    assert mine.tolist() == Marks(KEY, "a").of(from_hashes).tolist()
    assert len(set(mine.tolist())) == len(set(hashes))
    assert not set(mine.tolist()) & set(theirs.tolist())


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("birth_date", "19851210", "1985…"),
        ("phone", "442079460018", "…18"),
        ("email", "ada@home.example", "a…@h…"),
        ("address", "12 high street", "1… h… s…"),
    ],
)
def test_a_veil_shows_little(field: str, value: str, shown: str) -> None:
    assert veil(field, value) == shown


def test_shipped_chances_are_chances() -> None:
    for field in FIELDS:
        for side in (sum(level.m for level in field.levels), sum(level.u for level in field.levels)):
            assert side == pytest.approx(1.0, abs=0.001), field.name
