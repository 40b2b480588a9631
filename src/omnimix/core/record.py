"""Records: frozen dataclasses, and those that may be read from a TOML file.

in   a class with annotated fields
out  a frozen, keyword-only dataclass that refuses unknown keys when settings read it
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def config(cls: type[T]) -> type[T]:
    """Make `cls` a frozen keyword-only dataclass that settings can read strictly from TOML."""
    cls.__pydantic_config__ = {"extra": "forbid", "coerce_numbers_to_str": True}  # type: ignore[attr-defined]
    return dataclass(frozen=True, kw_only=True)(cls)
