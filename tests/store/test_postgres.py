"""PostgreSQL as the ledger: a real server, the same tables, the same behaviour as SQLite."""

import inspect
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from tests.cli.conftest import lay_out, order_lines
from tests.conftest import NOW
from tests.flow import test_step
from tests.flow.conftest import small
from tests.measurement.books import test_books
from tests.measurement.learn import test_learn
from tests.store.postgres import Server, server
from tests.store.test_migrations import all_rows

from omnimix.app import machine_of, settings_of
from omnimix.core.errors import InvalidInput, OmnimixError, Unavailable
from omnimix.data.quarantine import quarantined
from omnimix.flow.campaign import run_campaign
from omnimix.flow.rows import StepRow
from omnimix.governance.audit import append, entries, verify
from omnimix.measurement.books.statement import statement
from omnimix.measurement.learn.rows import latest
from omnimix.store.ledger import Ledger, Row, open_ledger

pytestmark = pytest.mark.xdist_group("postgres")  # one server for all


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """A PostgreSQL server."""
    with server() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty ledger may be, in both databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    found: Server = request.getfixturevalue("running")
    return found.database()


@pytest.fixture
def pg(running: Server) -> Iterator[Ledger]:
    """An empty ledger on PostgreSQL."""
    opened = open_ledger(running.database())
    yield opened
    opened.kw["bind"].dispose()


def test_migrations_make_what_the_code_knows(pg: Ledger) -> None:
    all_rows()
    with pg.kw["bind"].connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Row.metadata) == []


def act(url: str, name: str, times: int, start: threading.Barrier, failed: list[BaseException]) -> None:
    ledger = open_ledger(url)
    try:
        start.wait(20)
        for i in range(times):
            with ledger.begin() as session:
                append(session, actor=name, action="test", subject=f"{name}-{i}", detail={}, now=NOW)
    except Exception as error:  # handed to the test
        failed.append(error)
    finally:
        ledger.kw["bind"].dispose()


def test_writers_at_the_same_time_never_share_a_number_and_lose_nothing(url: str) -> None:
    open_ledger(url).kw["bind"].dispose()
    failed: list[BaseException] = []
    start = threading.Barrier(4)
    writers = [threading.Thread(target=act, args=(url, f"w{n}", 15, start, failed)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failed == []
    ledger = open_ledger(url)
    with ledger() as session:
        assert verify(session).intact
        assert sorted(e.subject for e in entries(session)) == sorted(
            f"w{n}-{i}" for n in range(4) for i in range(15)
        )
    ledger.kw["bind"].dispose()


def test_programs_that_start_together_on_a_new_ledger(url: str) -> None:
    failed: list[BaseException] = []
    start = threading.Barrier(3)

    def open_it() -> None:
        try:
            start.wait(20)
            open_ledger(url).kw["bind"].dispose()
        except Exception as error:  # handed to the test
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_run_from_sources_to_report(running: Server, tmp_path: Path) -> None:
    """The small shop, with one bad line: quarantine, review, outbox, snapshots, books, journal on PostgreSQL."""
    shop = lay_out(tmp_path / "shop", lambda: None)
    rows = order_lines(40)
    rows[3]["quantity"] = "many"
    shop.orders(rows)
    shop.change("omnimix.toml", "sqlite:///.omnimix/ledger.sqlite", running.database())
    settings = settings_of(shop.root, {})
    job = small(settings.job("first"))
    with machine_of(settings, {}, clock=lambda: NOW) as machine:
        first = {r.name: r for r in run_campaign(machine, job, approver="anna")}
        again = {r.name: r for r in run_campaign(machine, job, approver="anna")}
        with machine.ledger() as session:
            assert verify(session, machine.anchor).intact
            assert latest(session, "first") is not None
            assert statement(session, "first", currency="GBP").balanced
            assert statement(session, "first", currency="GBP").entries > 5
        (bad,) = quarantined(machine.ledger, vault=machine.vault)
    assert (bad.line, bad.field, bad.value) == (5, "quantity", "many")
    assert first["ingest"].rejected == 1
    assert {n for n, r in again.items() if not r.resumed} == {
        "ingest",
        "matching",
        "review",
        "release",
        "channel google_ads_editor",
        "release of what was learnt",
        "report",
    }
    assert not (shop.root / ".omnimix" / "ledger.sqlite").exists()


SAME = [
    test_step.test_second_run_does_nothing_again,
    test_step.test_a_run_that_broke_resumes_where_it_broke,
    test_step.test_a_changed_input_runs_everything_behind_it,
    test_step.test_a_step_that_loses_rows_is_a_fault,
    test_books.test_the_same_key_with_other_content_is_a_conflict,
    test_books.test_rows_are_never_changed_or_removed,
    test_books.test_two_writers_post_one_entry,
    test_books.test_corrections_reverse_and_post_anew,
    test_books.test_romi_is_what_was_caused_and_roas_is_what_was_clicked,
    test_learn.test_snapshots_are_versions_published_once,
]


@pytest.mark.parametrize("check", SAME, ids=lambda c: str(c.__name__))
def test_it_behaves_as_on_sqlite(check: Callable[..., Any], pg: Ledger) -> None:
    check(ledger=pg, **({"now": NOW} if "now" in inspect.signature(check).parameters else {}))


def test_a_name_that_is_no_database_says_so(running: Server) -> None:
    wrong = running.database().replace("ledger_", "nothing_")
    with pytest.raises(Unavailable, match="nothing_") as raised:
        open_ledger(wrong)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "wrong",
    ["postgres-somewhere", "nosuchdb://host/x", "postgresql+asyncpg://user:secret@host/x", "sqlite//x"],
)
def test_a_wrong_url_is_one_clear_line_without_its_password(wrong: str) -> None:
    with pytest.raises(OmnimixError) as raised:
        open_ledger(wrong)
    assert isinstance(raised.value, InvalidInput | Unavailable)
    assert "secret" not in str(raised.value)
    assert "postgres" in str(raised.value)


def test_text_that_is_too_long_is_refused_alike(url: str) -> None:
    ledger = open_ledger(url)
    row = {
        "flow": "f",
        "name": "n",
        "position": 0,
        "input_digest": "d",
        "rows_in": 0,
        "rows_out": 0,
        "rejected": 0,
    }
    row |= {"seconds": 0.0, "detail": {}, "output_digest": "d", "finished_at": NOW}
    with pytest.raises(InvalidInput, match="longer than 100"), ledger.begin() as session:
        session.add(StepRow(**(row | {"name": "n" * 101})))
    with ledger.begin() as session:
        session.add(StepRow(**(row | {"name": "n" * 100})))
    ledger.kw["bind"].dispose()
