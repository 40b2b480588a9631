"""What happened to the lines of a source: the counts add up.

in   files taken in
out  Counts, which add with `+`, and the IngestReport of a run
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class Counts:
    """Lines of one source. `lines_read == accepted + duplicates + rejected + ignored`.

    `ignored` lines are rightly no facts (totals of a report, orders that never were). `skipped` counts files
    that were known already, whose lines are counted as they were found then. `unidentified` lines are accepted
    lines that name nobody.
    """

    files: int = 0
    skipped: int = 0
    lines_read: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    ignored: int = 0
    unidentified: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def adds_up(self) -> bool:
        """Whether no line disappeared."""
        return self.lines_read == self.accepted + self.duplicates + self.rejected + self.ignored


@dataclass(frozen=True, slots=True)
class IngestReport:
    """Counts by source, rows now kept by fact, and how many people are known."""

    sources: Mapping[str, Counts] = field(default_factory=dict)
    facts: Mapping[str, int] = field(default_factory=dict)
    profiles: int = 0

    @property
    def total(self) -> Counts:
        """All sources together."""
        return sum(self.sources.values(), Counts())
