"""What a report is made of: the records of every stage, whatever of them there is so far.

in   records of the stages
out  Report, and the small records that the stages have no type for
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from omnimix.activation.experiment.ladder import Ladder
from omnimix.audience.journey.insight import Catalysts, Comparison, Opportunities, PathMap
from omnimix.audience.journey.journey import JourneyMap
from omnimix.audience.journey.pain.record import PainReport
from omnimix.audience.persona.persona import Persona
from omnimix.audience.segment.segment import Segment
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.audience.segment.watch import Watch
from omnimix.audience.value.record import ValueReport
from omnimix.creative.brand import Brand
from omnimix.creative.brief.brief import Brief
from omnimix.creative.campaign import Campaign
from omnimix.creative.review.queue import Candidate
from omnimix.data.enrichment.audit import TraitAudit
from omnimix.measurement.books.statement import Statement
from omnimix.measurement.lift.power import Verdict
from omnimix.measurement.lift.reading import Reading


@dataclass(frozen=True, slots=True)
class StageLine:
    """One step of a run: rows in = rows out + rejected + set aside wherever the unit stays the same."""

    name: str
    rows_in: int
    rows_out: int
    rejected: int = 0
    seconds: float = 0.0
    unit_in: str = "rows"
    unit_out: str = "rows"
    set_aside: Mapping[str, int] = field(default_factory=dict)  # reason → rows
    detail: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Everything there is to tell. Only brand, currency and date are always known.

    `performance` holds rows of `lift.performance` by grouping: `total`, `channel`, `segment`, `rung`,
    `variant_id`. `simulated` says that whatever happened after approval happened in a simulated market.
    """

    brand: Brand
    currency: str
    made_at: datetime
    campaign: Campaign | None = None
    ladder: Ladder | None = None
    stages: tuple[StageLine, ...] = ()
    journey: JourneyMap | None = None
    paths: PathMap | None = None
    comparisons: tuple[Comparison, ...] = ()
    opportunities: Opportunities | None = None
    catalysts: Catalysts | None = None
    pain: PainReport | None = None
    segments: tuple[Segment, ...] = ()
    segmentation: Segmentation | None = None  # how the segments came about
    segment_watch: Watch | None = None  # lists by rule, movement, drift, proxies
    value: ValueReport | None = None
    personas: tuple[Persona, ...] = ()
    enrichment: tuple[TraitAudit, ...] = ()
    briefs: tuple[Brief, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    pictures: Path | None = None  # the folder that Image.path is relative to
    power: tuple[Verdict, ...] = ()
    looks: tuple[Reading, ...] = ()  # the earliest first
    performance: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    statement: Statement | None = None
    irrelevance_rate: float | None = None
    simulated: bool = False
    made_with: Mapping[str, str] = field(default_factory=dict)  # "variants" → digest, "version" → "0.1.0" …
    notes: tuple[str, ...] = ()  # assumptions a reader must know of

    @property
    def last(self) -> Reading | None:
        """The latest reading of the lanes."""
        return self.looks[-1] if self.looks else None

    def segment_name(self, key: str | None) -> str:
        """A segment's name by its key; "everybody" for None."""
        if key is None:
            return "everybody"
        return next((s.name for s in self.segments if s.key == key), key)
