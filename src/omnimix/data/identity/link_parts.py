"""Where rows of the link fact stand: few rows are written when few change, however many there are.

in   rows whose profile is new or changed
out  parts of the link fact; a key stands in one of them only

A small link fact is one file. A large one is split by the first hex digit of the key, and new keys wait
beside it in small parts until there are enough of them.
"""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis import _

from omnimix.store.facts import LINK
from omnimix.store.warehouse import Warehouse

_WAITING, _MOST_WAITING = "new/", 24
_ONE = "all"


def write_links(warehouse: Warehouse, changed: pa.Table, *, whole: bool, one_file: int) -> None:
    """Keep `changed` rows (columns of the link fact, and `new`). `whole`: put every row in its place.

    Up to `one_file` rows stand in one file.
    """
    parts = warehouse.parts("link")
    large = any(part != _ONE for part in parts) or _known(warehouse) + changed.num_rows > one_file
    waiting = [part for part in parts if part.startswith(_WAITING)]
    if whole or not large or not parts or _ONE in parts or len(waiting) >= _MOST_WAITING:
        _rewrite(warehouse, changed, large=large)
        return
    moved = changed.filter(pc.invert(changed["new"]))
    if moved.num_rows:
        _move(warehouse, moved)
    added = changed.filter(changed["new"])
    if added.num_rows:
        last = int(waiting[-1].removeprefix(_WAITING)) + 1 if waiting else 0
        warehouse.write("link", added, part=f"{_WAITING}{last:06d}")


def _known(warehouse: Warehouse) -> int:
    return int(warehouse.arrow(warehouse.table("link").aggregate(n=_.count()))["n"][0].as_py())


def _rewrite(warehouse: Warehouse, changed: pa.Table, *, large: bool) -> None:
    """Write every row. Stale parts go first: meanwhile a key may be missing, but is never there twice."""
    old = warehouse.arrow(warehouse.table("link"))
    stay = old.filter(pc.invert(pc.is_in(old["key"], value_set=changed["key"]))).cast(LINK.to_pyarrow())
    rows = pa.concat_tables([stay, changed.select(LINK.names).cast(LINK.to_pyarrow())])
    rows = rows.group_by(rows.column_names).aggregate([])  # a key that a crash left in two parts stands there once
    if not large:
        for part in warehouse.parts("link"):
            if part != _ONE:
                warehouse.drop("link", part=part)
        warehouse.write("link", rows.sort_by("key"), part=_ONE)
        return
    for part in warehouse.parts("link"):
        if part == _ONE or part.startswith(_WAITING):
            warehouse.drop("link", part=part)
    place = _places(rows["key"])
    rows = rows.append_column("place", place).sort_by([("place", "ascending"), ("key", "ascending")])
    counted = rows.group_by("place", use_threads=False).aggregate([("key", "count")])
    start = 0
    for name, count in zip(counted["place"].to_pylist(), counted["key_count"].to_pylist(), strict=True):
        warehouse.write("link", rows.slice(start, count).drop_columns(["place"]), part=name)
        start += count


def _places(keys: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_slice_codeunits(pc.list_element(pc.split_pattern(keys, ":"), 1), 0, 1)


def _move(warehouse: Warehouse, moved: pa.Table) -> None:
    """Give keys that are known another profile, each in the part where it stands: most often among the newest."""
    waiting = [part for part in warehouse.parts("link") if part.startswith(_WAITING)]
    for part in reversed(waiting):
        moved = _replace(warehouse, part, moved)
    for part in sorted(set(_places(moved["key"]).to_pylist())):
        _replace(warehouse, part, moved)


def _replace(warehouse: Warehouse, part: str, moved: pa.Table) -> pa.Table:
    """Write the profiles of `moved` keys into a part. Returns the rows whose keys are not there."""
    if not moved.num_rows:
        return moved
    old = pq.read_table(warehouse.files("link", part)[0])
    places = pc.index_in(old["key"], value_set=moved["key"])
    if places.null_count == old.num_rows:
        return moved
    profile = pc.coalesce(moved["profile_id"].take(places), old["profile_id"])
    rows = old.set_column(old.schema.get_field_index("profile_id"), "profile_id", profile)
    warehouse.write("link", rows, part=part)
    return moved.filter(pc.invert(pc.is_in(moved["key"], value_set=old["key"])))
