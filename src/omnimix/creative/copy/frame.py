"""Frames: ways of saying something, with slots for what there is to say.

in   the tables in frames/*.toml
out  Frame records by part and family
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Formatter

FAMILIES = ("safe", "shared", "introduce", "prove", "offer", "leads", "gift", "playful", "elegant")
SHOP_SLOTS = frozenset(("brand", "sells", "promise", "offer", "short", "code", "proof", "proof_in"))


@dataclass(frozen=True, slots=True)
class Frame:
    """One way of saying something. Slots ending in 2 speak of a second product."""

    part: str
    family: str
    text: str
    shop: frozenset[str]
    first: frozenset[str]
    second: frozenset[str]


@dataclass(frozen=True, slots=True)
class Theme:
    """What a category is for: `place` and each of `moments` stand after "for"."""

    words: frozenset[str]
    things: str | None
    place: str | None
    moments: tuple[str, ...]


def _read(name: str) -> dict[str, object]:
    return tomllib.loads(files(__package__).joinpath("frames", name).read_text("utf-8"))


def _frames(part: str, table: object) -> list[Frame]:
    if not isinstance(table, dict):
        raise TypeError(f"{part} is not a table of frames")
    found = []
    for family, texts in table.items():
        for text in texts:
            slots = frozenset(name for _, name, _, _ in Formatter().parse(text) if name)
            shop = slots & SHOP_SLOTS
            second = frozenset(s.removesuffix("2") for s in slots - shop if s.endswith("2"))
            first = frozenset(s for s in slots - shop if not s.endswith("2"))
            found.append(Frame(part, family, text, shop, first, second))
    return found


@cache
def frames() -> dict[str, tuple[Frame, ...]]:
    """All frames by part: headline, description, long_headline, primary, and the parts of an e-mail."""
    parts = {"headline": _read("headline.toml"), "description": _read("description.toml")}
    tables: dict[str, object] = {**parts, **_read("long.toml"), **_read("email.toml")}
    return {part: tuple(_frames(part, table)) for part, table in tables.items()}


@cache
def themes() -> tuple[Theme, ...]:
    """All themes in the order in which they are looked for."""
    rows = _read("theme.toml")["theme"]
    if not isinstance(rows, list):
        raise TypeError("theme.toml holds a list of [[theme]]")
    return tuple(
        Theme(frozenset(r["words"].split()), r.get("things"), r.get("place"), tuple(r.get("moments", ())))
        for r in rows
    )
