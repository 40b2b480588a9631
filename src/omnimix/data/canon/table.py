"""What the builders of facts share: columns by name, rounding once, ids that depend on content.

in   typed columns
out  Rows
"""

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.core.money import exponent
from omnimix.data.checked import KEY
from omnimix.data.source.fields import IDENTIFIERS
from omnimix.data.source.parse import MICRO

SUFFIX, LINE = "suffix", "line"  # a fact's id is its line's id and a suffix
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows by fact, what identifies each line, and which lines are rightly no facts.

    `identity` columns say when two lines are the same; `ids` are given ids, where the source has them.
    """

    facts: dict[str, pa.Table]
    identity: list[pa.Array]
    ids: pa.Array | None = None
    ignored: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))


def column(table: pa.Table, name: str) -> pa.Array:
    """A column in one piece."""
    whole = table[name]
    return whole.chunk(0) if whole.num_chunks == 1 else whole.combine_chunks()


def person_key(table: pa.Table) -> pa.Array:
    """The strongest key of each row: user, anonymous, e-mail, phone; null where nobody is named."""
    return pc.coalesce(*(column(table, KEY + name) for name in IDENTIFIERS))


def constant(value: str | None, size: int) -> pa.Array:
    """The same text in every row."""
    return pa.repeat(pa.scalar(value, pa.string()), size)


def minor(micros: Whole, currency: pa.Array) -> Whole:
    """Millionths of the major unit to the currency's minor unit, rounded half to even, once."""
    codes = currency.dictionary_encode()
    divisors = np.array([MICRO // 10 ** exponent(c) for c in codes.dictionary.to_pylist()] or [1], dtype=np.int64)
    divisor = divisors[np.asarray(pc.fill_null(codes.indices, 0))]
    whole, rest = np.divmod(micros, divisor)
    up = (2 * rest > divisor) | ((2 * rest == divisor) & (whole % 2 == 1))
    return np.asarray(whole + up, dtype=np.int64)


def as_text(array: pa.Array) -> pa.Array:
    """Text as it is; numbers (held in millionths) as short decimals."""
    if array.type != pa.int64():
        return array
    told = [None if v is None else f"{Decimal(v).scaleb(-6).normalize():f}" for v in array.to_pylist()]
    return pa.array(told, pa.string())


def numbers(array: pa.Array) -> Whole:
    """int64 values, nulls as 0."""
    return np.asarray(pc.fill_null(array, 0).to_numpy(zero_copy_only=False), dtype=np.int64)


def masked(values: Whole, valid: pa.Array) -> pa.Array:
    """int64 values, null where `valid` is null."""
    return pa.array(values, mask=np.asarray(pc.is_null(valid)))


def content_ids(columns: list[pa.Array], *, key: bytes, prefix: str) -> list[str]:
    """An id for each row from its content: keyed BLAKE2b (RFC 7693), so that ids reveal nothing."""
    texts = [pc.fill_null(c if c.type == pa.string() else c.cast(pa.string()), "\x00") for c in columns]
    joined = pc.binary_join_element_wise(*texts, "\x1f").to_pylist()
    return [prefix + hashlib.blake2b(j.encode(), digest_size=10, key=key).hexdigest() for j in joined]
