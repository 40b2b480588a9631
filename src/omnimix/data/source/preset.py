"""What is known of a common export.

in   nothing
out  the Preset record

A field names every column it may be under, in the spelling of the export; spelling is compared without capitals,
spaces and punctuation, and where several are there the first that holds a value counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from omnimix.data.source.spec import Holds


@dataclass(frozen=True, slots=True)
class Preset:
    """One shape. `carried` fields stand on the first line of an order only and hold for its other lines."""

    holds: Holds
    columns: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    properties: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    fees: tuple[str, ...] = ()
    void_statuses: tuple[str, ...] = ()
    cancellation_prefix: str | None = None
    day_first: bool | None = None
