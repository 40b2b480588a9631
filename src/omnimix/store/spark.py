"""The warehouse's second engine: the same Parquet files and the same table expressions, run by Spark.

in   a workspace's facts, the master of a Spark cluster (`local[2]`: this machine)
out  a Warehouse whose tables are computed by Spark; writing and taking in stay with DuckDB, through `local`

PySpark and a Java runtime (17 or newer) are the extra `spark`; only `engine` imports this module. Ibis hands
results and tables in memory to Spark through pandas, which turns nulls into NaN; both ways go through Arrow here.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pyarrow as pa
from ibis.backends.pyspark import Backend
from ibis.expr.types import Table
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from omnimix.core.errors import Unavailable
from omnimix.store.warehouse import MOST_WORDS, Warehouse

# Facts hold instants without a zone; a literal instant must be of the same kind, and arithmetic must not wrap.
_SETTINGS = {
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


class SparkWarehouse(Warehouse):
    """Facts under `root`, read by Spark.

    On a `local` master `memory` is the heap and `threads` the parallel tasks; a cluster has settings of its own.
    One process has one Spark session: a second SparkWarehouse shares it. Raises Unavailable when Spark cannot
    start. `settings` are Spark's own, such as spark.executor.memory.
    """

    def __init__(
        self,
        root: Path,
        *,
        memory: str = "2GB",
        threads: int = 2,
        master: str = "",
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(root, memory=memory, threads=threads)
        self._local = Warehouse(root, memory=memory, threads=threads)
        self.spark = _ArrowBackend()
        self.spark.register_options()  # Ibis does this for its own backends only
        self.spark.do_connect(_session(master or f"local[{threads}]", memory, threads, settings))

    @property
    def local(self) -> Warehouse:
        """The same files under DuckDB, for taking in and for small work."""
        return self._local

    def read(self, files: list[Path]) -> Table:
        """As Warehouse.read, by Spark."""
        return self.spark.files([str(f) for f in files])

    def arrow(self, expression: Table) -> pa.Table:
        """Run a table expression in Spark and return its rows."""
        return self.spark.to_pyarrow(expression)

    def materialise(self, expression: Table, words: Mapping[str, str] = MappingProxyType({})) -> Table:  # noqa: ARG002
        """Run a table expression once and return a cached table that stands for it. It is kept as it is."""
        return self.spark.kept(expression)

    def learn(self, texts: Table, *, most: int = MOST_WORDS) -> str:  # noqa: ARG002
        """No dictionary: Spark makes one for each column that it keeps."""
        return ""

    def close(self) -> None:
        """Let the engines go; the files stay. The Spark session lives until the process ends."""
        super().close()
        self._local.close()


class _ArrowBackend(Backend):  # type: ignore[misc]
    """Ibis on Spark, with Arrow both ways."""

    def _register_in_memory_table(self, op: Any) -> None:
        self._session.createDataFrame(op.data.to_pyarrow(op.schema)).createOrReplaceTempView(op.name)

    def to_pyarrow(self, expr: Any, /, **_options: Any) -> pa.Table:
        """The rows of a table expression."""
        table = expr.as_table()
        return self._frame(table).toArrow().cast(table.schema().to_pyarrow())

    def files(self, paths: list[str]) -> Table:
        """The rows of Parquet files; a column that some files lack is null there."""
        return self._named(self._session.read.option("mergeSchema", "true").parquet(*paths))

    def kept(self, table: Table) -> Table:
        """The rows of `table`, computed once and cached, with the types it says."""
        frame = self._frame(table).persist()
        frame.count()
        return self._named(frame).cast(table.schema())

    def _frame(self, table: Any) -> Any:
        self._run_pre_execute_hooks(table)
        return self._session.sql(self.compile(table))

    def _named(self, frame: Any) -> Table:
        name = f"m_{uuid4().hex}"
        frame.createOrReplaceTempView(name)
        return self.table(name)


def _session(master: str, memory: str, threads: int, own: Mapping[str, str]) -> SparkSession:
    settings = dict(_SETTINGS)
    if master.startswith("local"):
        heap = memory.upper().replace(" ", "").replace("GB", "g").replace("MB", "m")
        settings |= {
            "spark.driver.memory": heap,
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": str(2 * threads),
        }
    builder = SparkSession.builder.master(master).appName("omnimix")
    for name, value in (settings | dict(own)).items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkException, OSError) as error:
        fix = "install a Java runtime, 17 or newer, and set JAVA_HOME"
        raise Unavailable("Spark did not start", where="storage.engine", fix=fix) from error


def stop() -> None:
    """End this process's Spark session and its Java, if there are any. Another warehouse starts them anew."""
    session, gateway = SparkSession.getActiveSession(), SparkContext._gateway
    if session:
        session.stop()
    if gateway:
        gateway.shutdown()
        gateway.proc.stdin.close()  # Java ends when its input does
        gateway.proc.wait()
        SparkContext._gateway = SparkContext._jvm = None
