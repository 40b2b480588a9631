"""Feature rows as numbers: one row per profile, one named column per number.

in   an Arrow table with the columns of `features.FEATURE`
out  a Matrix, rows sorted by profile_id; every entry finite
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.audience.segment.features import FEATURE, OTHER
from omnimix.audience.segment.sensitive import is_sensitive, refuse_sensitive
from omnimix.core.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
FAMILIES = ("category_share", "hour_share", "weekday_share", "season_share", "medium_share")
ABROAD = "abroad"


@dataclass(frozen=True, slots=True)
class Matrix:
    """`values[i, j]` is `columns[j]` of `profiles[i]`. A share of a family is the column `family:key`."""

    profiles: tuple[str, ...]  # ascending, but for `by_content`
    columns: tuple[str, ...]
    values: FloatArray  # (profiles, columns)
    home: str | None = None  # the country that `abroad` is abroad from

    def column(self, name: str) -> FloatArray:
        """One column; zeros for a share that nobody has. Raises InvalidInput for any other unknown name."""
        if name in self.columns:
            return self.values[:, self.columns.index(name)]
        if name.partition(":")[0] in (*FAMILIES, "stage"):
            return np.zeros(len(self.profiles))
        raise InvalidInput(f"there is no feature {name!r}", fix=f"choose from {', '.join(self.columns)}")

    def family(self, name: str) -> tuple[str, ...]:
        """The columns `name:*`, or the column `name` itself."""
        return tuple(c for c in self.columns if c == name or c.startswith(f"{name}:"))

    def rows(self, chosen: npt.NDArray[np.bool_]) -> "Matrix":
        """The matrix of the chosen profiles."""
        kept = tuple(p for p, keep in zip(self.profiles, chosen, strict=True) if keep)
        return Matrix(kept, self.columns, self.values[chosen], self.home)

    def by_content(self) -> "Matrix":
        """The same people in an order that their figures alone decide."""
        order = np.lexsort(self.values.T[::-1])
        return Matrix(tuple(self.profiles[i] for i in order), self.columns, self.values[order], self.home)


def matrix(features: pa.Table, *, home: str | None = None) -> Matrix:
    """Spread the maps of FEATURE rows into columns. Keys that name something sensitive are left out.

    `abroad` is 1 where the profile's country is not `home`, by default the most frequent one. Raises
    InvalidInput when a column is missing, names a sensitive attribute, holds NaN or infinity, or when a profile
    occurs twice.
    """
    missing = [c for c in FEATURE if c not in features.column_names]
    if missing:
        raise InvalidInput(f"the features lack the column {missing[0]!r}", where="segments")
    refuse_sensitive(features.column_names)
    rows = features.sort_by("profile_id").combine_chunks()
    profiles = tuple(rows["profile_id"].to_pylist())
    if len(set(profiles)) != len(profiles):
        raise InvalidInput("a profile occurs twice in the features", where="segments")
    columns: dict[str, FloatArray] = {}
    for name, kind in FEATURE.items():
        if kind.is_numeric():
            columns[name] = rows[name].to_numpy().astype(np.float64)
        elif kind.is_map():
            columns |= _spread(name, rows[name])
    home = home or home_of(rows["country"])
    columns[ABROAD] = _abroad(rows["country"], home)
    columns |= _stages(rows["stage"].to_pylist())
    values = np.column_stack(list(columns.values())) if profiles else np.zeros((0, len(columns)))
    if not np.isfinite(values).all():
        raise InvalidInput("a feature is not a finite number", where="segments")
    return Matrix(profiles, tuple(columns), values, home)


def _spread(name: str, column: pa.ChunkedArray) -> dict[str, FloatArray]:
    """A map column as one array per key, keys ascending; a profile without the key has 0."""
    if not len(column):
        return {}
    maps = pa.concat_arrays(column.chunks)
    offsets = maps.offsets.to_numpy()
    row = np.repeat(np.arange(len(maps)), np.diff(offsets))
    inside = slice(int(offsets[0]), int(offsets[-1]))
    encoded = maps.keys[inside].dictionary_encode()
    code, shares = encoded.indices.to_numpy(), maps.items[inside].to_numpy(zero_copy_only=False)
    spread: dict[str, FloatArray] = {}
    for key, index in sorted((str(key), i) for i, key in enumerate(encoded.dictionary.to_pylist())):
        if key != OTHER and not is_sensitive(key):
            chosen = code == index
            spread[f"{name}:{key}"] = np.zeros(len(maps))
            spread[f"{name}:{key}"][row[chosen]] = shares[chosen]
    return spread


def home_of(countries: pa.ChunkedArray) -> str | None:
    """The most frequent country, the first by name of equals; None where no country is known."""
    counted = Counter({c["values"]: c["counts"] for c in pc.value_counts(countries).to_pylist() if c["values"]})
    return max(sorted(counted), key=lambda c: counted[c], default=None)


def _abroad(countries: pa.ChunkedArray, home: str | None) -> FloatArray:
    elsewhere = pc.and_(pc.not_equal(countries, home or ""), pc.not_equal(countries, ""))
    found: FloatArray = pc.fill_null(elsewhere, False).to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _stages(stages: list[str | None]) -> dict[str, FloatArray]:
    keys = sorted({s for s in stages if s and not is_sensitive(s)})
    return {f"stage:{key}": np.array([float(s == key) for s in stages]) for key in keys}
