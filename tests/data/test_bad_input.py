"""Bad input: one clear line that names the place and the next step; nothing lost."""

from collections.abc import Callable
from typing import Any

import pytest

from omnimix.core.errors import InvalidInput, NotFound, OmnimixError, Unavailable
from omnimix.data.source.spec import Source

LINE = "order_id,sku,qty,date,price\n1,A,1,2024-01-01,2.00\n"


def write(name: str, content: bytes) -> Callable[[Any], None]:
    def inner(place: Any) -> None:
        (place.root / name).write_bytes(content)

    return inner


def orders(**given: Any) -> Source:
    return Source(**{"preset": "order_lines", "currency": "GBP", **given})


CASES: dict[str, tuple[Source, Callable[[Any], None], type[OmnimixError], list[str]]] = {
    "missing file": (orders(path="no.csv"), write("a", b""), NotFound, ["sources.o", "'no.csv'", "→"]),
    "empty glob": (orders(path="x/*.csv"), write("a", b""), NotFound, ["no file fits 'x/*.csv'"]),
    "empty file": (orders(path="a.csv"), write("a.csv", b" \n"), InvalidInput, ["a.csv", "is empty"]),
    "header only": (orders(path="a.csv"), write("a.csv", LINE[:28].encode()), InvalidInput, ["no rows"]),
    "wrong encoding": (
        orders(path="a.csv"),
        write("a.csv", (LINE + "2,café,1,2024-01-01,2\n" * 5).encode("cp1252")),
        InvalidInput,
        ["not utf-8", "line 3", "encoding"],
    ),
    "unknown encoding": (
        orders(path="a.csv", encoding="klingon"),
        write("a.csv", LINE.encode()),
        InvalidInput,
        ["no encoding 'klingon'"],
    ),
    "not utf-16": (
        orders(path="a.csv", encoding="utf-16"),
        write("a.csv", LINE.encode()),
        InvalidInput,
        ["utf-16"],
    ),
    "missing column": (
        orders(path="a.csv"),
        write("a.csv", LINE.replace("qty", "quantitty").encode()),
        InvalidInput,
        ["'quantity'", "it has 'order_id', 'sku', 'quantitty'", "did you mean 'quantitty'?"],
    ),
    "declared column missing": (
        orders(path="a.csv", columns={"country": "land"}),
        write("a.csv", LINE.encode()),
        InvalidInput,
        ["no column 'land' for 'country'"],
    ),
    "unknown field": (
        orders(path="a.csv", columns={"quantty": "qty"}),
        write("a.csv", LINE.encode()),
        InvalidInput,
        ["sources.o.columns", "did you mean 'quantity'?"],
    ),
    "unknown preset": (
        Source(path="a.csv", preset="shopfy_orders"),
        write("a.csv", LINE.encode()),
        InvalidInput,
        ["did you mean 'shopify_orders'?"],
    ),
    "holds nothing": (Source(path="a.csv"), write("a.csv", LINE.encode()), InvalidInput, ["what it holds"]),
    "broken parquet": (orders(path="a.parquet"), write("a.parquet", b"PAR1nonsense"), InvalidInput, ["Parquet"]),
    "broken excel": (orders(path="a.xlsx"), write("a.xlsx", b"PK nonsense"), InvalidInput, ["Excel"]),
    "unknown format": (orders(path="a.dat"), write("a.dat", b"x"), InvalidInput, ["format of 'a.dat'"]),
    "open quote": (
        orders(path="a.csv"),
        write("a.csv", (LINE + '2,"A,1,2024-01-01,2.00\n' + "3,A,1,2024-01-01,2.00\n" * 60_000).encode()),
        InvalidInput,
        ["line", "quotation mark"],
    ),
    "neither path nor url": (orders(), write("a", b""), InvalidInput, ["neither a path nor a url"]),
    "no database url": (orders(url="nonsense", table="t"), write("a", b""), InvalidInput, ["no database URL"]),
    "database down": (
        orders(url="sqlite:////nowhere/at/all.db", table="t"),
        write("a", b""),
        Unavailable,
        ["sources.o", "unable to open"],
    ),
    "no table": (orders(url="sqlite://", table="t"), write("a", b""), NotFound, ["no table 't'"]),
    "adbc driver": (
        orders(url="adbc:adbc_driver_nope:x", table="t"),
        write("a", b""),
        Unavailable,
        ["pip install"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_clear_line(place: Any, name: str) -> None:
    source, prepare, kind, words = CASES[name]
    place.file("fine.csv", LINE)
    prepare(place)
    with pytest.raises(kind) as caught:
        place.ingest({"fine": orders(path="fine.csv"), "o": source})
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text
    assert place.ingest({"fine": orders(path="fine.csv")}).total.accepted == 1, "nothing lost"
