"""Rows of one file on their way: written to disk as they are read, so that memory stays flat.

in   Arrow tables by name, batch after batch
out  one Parquet file a name, gone when the file is done
"""

from pathlib import Path
from types import TracebackType
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq


class Staging:
    """A folder of its own for one file's rows. Use as a context manager: the folder goes away with it."""

    def __init__(self, parent: Path) -> None:
        self._folder = parent / uuid4().hex
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> "Staging":
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def add(self, name: str, rows: pa.Table) -> None:
        """Append rows under a name. Tables of one name have one schema."""
        if not rows.num_rows:
            return
        if name not in self._writers:
            path = self._folder / f"{name}.parquet"
            self._writers[name] = pq.ParquetWriter(path, rows.schema, compression="lz4", use_dictionary=True)
        self._writers[name].write_table(rows)

    def finish(self) -> dict[str, str]:
        """Close everything and return the path of each name."""
        for writer in self._writers.values():
            writer.close()
        return {name: str(self._folder / f"{name}.parquet") for name in self._writers}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()
        for path in self._folder.glob("*.parquet"):
            path.unlink()
        self._folder.rmdir()
