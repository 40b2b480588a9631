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
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from omnimix.core.errors import InvalidInput, Unavailable


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


def _fits(mapper: Any, _connection: Any, row: Any) -> None:
    """SQLite takes text of any length, PostgreSQL does not: neither shall. Raises InvalidInput."""
    for name, column in mapper.columns.items():
        most, value = getattr(column.type, "length", None), getattr(row, name)
        if most and isinstance(value, str) and len(value) > most:
            raise InvalidInput(
                f"{value[:20]!r}… is longer than {most} characters",
                where=f"{row.__tablename__}.{name}",
                fix="shorten it",
            )


for _act in ("before_insert", "before_update"):
    event.listen(Row, _act, _fits, propagate=True)

Ledger = sessionmaker[Session]


def engine_at(url: str) -> Engine:
    """An engine for `url`; SQLite gets WAL, full durability and enforced foreign keys.

    Raises InvalidInput for a URL that is none, Unavailable when its driver is not installed.
    """
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = _created(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _record: Any) -> None:
            # Waiting comes first: changing the journal's mode may meet another program that does the same.
            for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")

    return engine


def _created(url: str) -> Engine:
    form = "write [storage] ledger as postgresql+psycopg://USER:PASSWORD@HOST/NAME or sqlite:///FILE"
    try:
        return create_engine(url)
    except (ArgumentError, NoSuchModuleError) as error:  # the URL itself may hold a password: it is not shown
        kind = f" ({error})" if isinstance(error, NoSuchModuleError) else ""
        raise InvalidInput(f"the ledger's URL is none{kind}", where="storage.ledger", fix=form) from None
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"the ledger's driver {error.name!r} is not installed",
            where="storage.ledger",
            fix=f"pip install 'omnimix[postgres]'; {form}",
        ) from None


def hold_writers(connection: Connection, name: str) -> None:
    """Keep other writers of `name` waiting until this transaction ends; what is read from here on is the newest.

    Readers go on. SQLite admits one writer at a time, whatever the name: its transaction is made a writing one.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"omnimix {name}"})
    elif not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine) -> None:
    """Run the migrations that the ledger has not seen. Of programs that start together one does it."""
    config = Config()
    config.set_main_option("script_location", "omnimix.store:migrations")
    newest = ScriptDirectory.from_config(config).get_current_head()

    def current(connection: Connection) -> bool:
        return MigrationContext.configure(connection).get_current_revision() == newest

    with engine.connect() as connection:
        if current(connection):
            return
    with engine.begin() as connection:
        hold_writers(connection, "migrations")
        if not current(connection):
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
