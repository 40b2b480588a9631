"""JSON records, one a line (JSONL) or in one array; what is nested gets dotted names.

in   a path
out  batches of text columns, `context.page.url` and the like, with file lines
"""

from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from omnimix.core.errors import InvalidInput
from omnimix.data.source.batch import LINE, ROWS, Batch, Batches, Broken, Opened, Record, cell_text, from_records


def open_jsonl(path: Path) -> Opened:
    """Open a JSON file. Raises InvalidInput when it is empty."""
    with path.open("rb") as file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise InvalidInput("the file is empty", where=str(path))
    as_array = start.startswith(b"[")
    first = next(_array(path) if as_array else _lines(path), None)
    columns = tuple(name for name in first.table.column_names if name != LINE) if first else ()
    return Opened(columns, lambda: _array(path) if as_array else _lines(path), open_ended=True)


def _lines(path: Path) -> Batches:
    with path.open("rb") as file:
        numbered = ((n, line) for n, line in enumerate(file, start=1) if line.strip())
        while chunk := list(islice(numbered, ROWS)):
            records: list[Record] = []
            broken: dict[int, Broken] = {}
            for position, (_, line) in enumerate(chunk):
                found = read_line(line)
                if isinstance(found, Broken):
                    broken[position] = found
                    records.append({})
                else:
                    records.append(found)
            yield from_records(records, [n for n, _ in chunk], broken)


def read_line(line: bytes) -> Record | Broken:
    """One JSON object as a flat record, or why it is none."""
    text = line.decode("utf-8", "replace").strip().lstrip("\ufeff")
    try:
        value = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Broken(f"is not JSON: {error}", {LINE: text})
    if not isinstance(value, dict):
        return Broken("is JSON but not an object", {LINE: text})
    return flat(value)


def _array(path: Path) -> Batches:
    try:
        values = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise InvalidInput(f"it is not JSON: {error}", where=str(path)) from None
    for start in range(0, len(values), ROWS):
        yield objects(values[start : start + ROWS], start + 1)


def objects(values: list[Any], first: int) -> Batch:
    """A batch of nested objects, numbered from `first`."""
    records: list[Record] = []
    broken: dict[int, Broken] = {}
    for position, value in enumerate(values):
        if isinstance(value, dict):
            records.append(flat(value))
        else:
            records.append({})
            broken[position] = Broken("is JSON but not an object", {LINE: msgspec.json.encode(value).decode()})
    return from_records(records, range(first, first + len(values)), broken)


def flat(value: dict[str, Any]) -> Record:
    """Nested objects under dotted names.

    Lists of key and value (GA4's parameters) become names; the first of a list of objects also gets names
    (`items.0.item_id`); lists stay as JSON text.
    """
    found: Record = {}
    _spread(found, "", value)
    return found


def _spread(found: Record, prefix: str, value: dict[str, Any]) -> None:
    """Put an object's values under `prefix` and their names. Written for speed: live events come this way."""
    for name, inner in value.items():
        if inner is None or type(inner) is str:
            found[prefix + name] = inner
        elif isinstance(inner, dict):
            if inner and all(k.endswith("_value") for k in inner):  # GA4: {"string_value": "x", …}
                found[prefix + name] = next((cell_text(v) for v in inner.values() if v is not None), None)
            else:
                _spread(found, f"{prefix}{name}.", inner)
        elif isinstance(inner, list | tuple):
            _spread_list(found, prefix + name, list(inner))
        else:
            found[prefix + name] = cell_text(inner)


def _spread_list(found: Record, name: str, values: list[Any]) -> None:
    if values and all(isinstance(v, dict) and v.keys() == {"key", "value"} for v in values):
        for pair in values:
            _spread(found, f"{name}.", {f"{pair['key']}": pair["value"]})
        return
    if values:
        found[name] = msgspec.json.encode(values, enc_hook=str).decode()
        if isinstance(values[0], dict):
            _spread(found, "", {f"{name}.0": values[0]})
