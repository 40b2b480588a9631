"""The ledger: what must never be lost or doubled, in SQLite (WAL) or PostgreSQL through SQLAlchemy.

in   a database URL
out  a sessionmaker; the session is the unit of work

Each stage keeps its own tables in its `rows.py`, derived from `Row`. Instants are naive UTC.
"""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from omnimix.core.errors import Unavailable


class Row(DeclarativeBase):
    """Base of every ledger table. Constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


Ledger = sessionmaker[Session]


def engine_at(url: str) -> Engine:
    """An engine for `url`; SQLite gets WAL, full durability and enforced foreign keys."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _record: Any) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
                connection.execute(f"PRAGMA {pragma}")

    return engine


def _migrate(engine: Engine) -> None:
    """Run the migrations that the ledger has not seen."""
    config = Config()
    config.set_main_option("script_location", "omnimix.store:migrations")
    newest = ScriptDirectory.from_config(config).get_current_head()
    with engine.begin() as connection:
        if MigrationContext.configure(connection).get_current_revision() != newest:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def open_ledger(url: str) -> Ledger:
    """Open the ledger at `url`, bringing its tables up to date. Raises Unavailable when it cannot be reached."""
    engine = engine_at(url)
    try:
        _migrate(engine)
    except DatabaseError as error:
        raise Unavailable(
            f"the ledger cannot be opened: {error.orig}",
            where=engine.url.render_as_string(),
            fix="check the path and its permissions, that the server is running, or restore a copy",
        ) from None
    return sessionmaker(engine, expire_on_commit=False)
