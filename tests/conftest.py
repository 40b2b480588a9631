"""What every test shares: an odd time zone, a warehouse and a ledger in a temporary folder."""

import gc
import os
import shutil
import time
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from omnimix.store.engine import open_warehouse
from omnimix.store.ledger import Ledger, open_ledger
from omnimix.store.warehouse import Warehouse
from omnimix.testing.engines import FEW_ROWS

# Instants are UTC whatever the machine's zone is; an odd one makes a slip visible.
os.environ["TZ"] = "Pacific/Chatham"
time.tzset()

settings.register_profile(
    "omnimix",
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("omnimix")

NOW = datetime(2026, 11, 1, 12, 0)

# A workspace that takes a whole run to make, and the group of tests that share it: one worker makes it once.
SHARED = {"ran_once": "ran", "known": "known"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share such a workspace on one worker."""
    for item in items:
        for fixture in SHARED.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(SHARED[fixture]))


@pytest.fixture
def now() -> datetime:
    """The present instant of every test."""
    return NOW


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """An empty warehouse."""
    opened = Warehouse(tmp_path / "facts")
    yield opened
    opened.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield opened
    opened.kw["bind"].dispose()


@pytest.fixture(scope="session")
def java() -> Iterator[None]:
    """Spark's Java, which ends with the tests."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("there is no Java (make java installs it)")
    yield
    from omnimix.store.spark import stop  # noqa: PLC0415  # only where Spark was asked for

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        stop()
        gc.collect()


@pytest.fixture
def spark(tmp_path: Path, java: None) -> Iterator[Warehouse]:
    """An empty warehouse under Spark."""
    opened = open_warehouse(tmp_path / "facts", engine="spark", memory="1GB", threads=2, spark=FEW_ROWS)
    yield opened
    opened.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Py4J leaves its sockets to the collector
        gc.collect()
