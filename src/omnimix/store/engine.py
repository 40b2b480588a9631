"""Which engine computes: DuckDB in this process, or Spark over the same files.

in   the root of the facts, the engine's name and size
out  an open Warehouse
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from omnimix.core.errors import Unavailable
from omnimix.store.warehouse import Warehouse

ENGINES = ("duckdb", "spark")


def open_warehouse(
    root: Path,
    *,
    engine: str,
    memory: str,
    threads: int,
    master: str = "",
    spark: Mapping[str, str] = MappingProxyType({}),
) -> Warehouse:
    """The warehouse at `root` under `engine`, one of ENGINES; `master` and `spark`: Spark's address and settings.

    Raises Unavailable when Spark is asked for and PySpark is not installed or cannot start.
    """
    if engine != "spark":
        return Warehouse(root, memory=memory, threads=threads)
    try:
        from omnimix.store.spark import SparkWarehouse  # noqa: PLC0415  # optional extra
    except ImportError as error:
        fix = 'pip install "omnimix[spark]"'
        raise Unavailable("PySpark is not installed", where="storage.engine", fix=fix) from error
    return SparkWarehouse(root, master=master, memory=memory, threads=threads, settings=spark)
