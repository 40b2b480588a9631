"""Migrations: a new ledger has exactly the tables that the code knows, and opening it again changes nothing."""

import importlib
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from omnimix.store.ledger import Row, engine_at, open_ledger

SOURCE = Path(__file__).parents[2] / "src" / "omnimix"


def all_rows() -> None:
    """Import every module that has ledger tables."""
    for path in SOURCE.rglob("rows.py"):
        importlib.import_module("omnimix." + ".".join(path.relative_to(SOURCE).with_suffix("").parts))


def test_migrations_make_what_the_code_knows(tmp_path: Path) -> None:
    all_rows()
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    with ledger.kw["bind"].connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Row.metadata) == []
    ledger.kw["bind"].dispose()


def test_opening_again_keeps_everything(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    with open_ledger(url).begin() as session:
        session.execute(text("insert into audit values (1, 'body', 'hash')"))
    ledger = open_ledger(url)
    with ledger() as session:
        assert session.execute(text("select body from audit")).scalar_one() == "body"
    ledger.kw["bind"].dispose()


def test_every_migration_goes_back(tmp_path: Path) -> None:
    versions = sorted((SOURCE / "store" / "migrations" / "versions").glob("v*.py"))
    engine = engine_at(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    open_ledger(str(engine.url)).kw["bind"].dispose()
    with engine.begin() as connection:
        assert len(inspect(connection).get_table_names()) > 5
    assert all("def downgrade" in v.read_text() and "drop_table" in v.read_text() for v in versions)
    engine.dispose()
