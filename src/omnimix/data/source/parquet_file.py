"""Parquet files, flat or nested.

in   a path
out  batches of text columns with row numbers
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from omnimix.core.errors import InvalidInput
from omnimix.data.source.batch import ROWS, Batch, Batches, Opened
from omnimix.data.source.json_file import objects


def open_parquet(path: Path) -> Opened:
    """Open a Parquet file. Raises InvalidInput when it is broken or has no rows."""
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInput(
            f"it is not a readable Parquet file: {error}", where=str(path), fix="export or copy it again"
        ) from None
    if not rows:
        raise InvalidInput("the file has no rows", where=str(path))
    nested = any(pa.types.is_nested(field.type) for field in schema)
    return Opened(tuple(schema.names), lambda: _batches(path, nested=nested), open_ended=nested)


def _batches(path: Path, *, nested: bool) -> Batches:
    start = 1
    try:
        with pq.ParquetFile(path) as file:
            for part in file.iter_batches(batch_size=ROWS):
                if nested:
                    yield objects(part.to_pylist(), start)
                else:
                    lines = np.arange(start, start + part.num_rows, dtype=np.int64)
                    yield Batch(_as_text(part), lines)
                start += part.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInput(f"it is broken: {error}", where=f"{path} after row {start - 1}") from None


def _as_text(part: pa.RecordBatch) -> pa.Table:
    return pa.table({n: _text(c) for n, c in zip(part.schema.names, part.columns, strict=True)})


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column if column.type == pa.string() else column.cast(pa.string())
