"""A statement that could be made about a segment, before it is judged.

in   what a figure is, its evidence, the words for its direction
out  Candidate records
"""

from dataclasses import dataclass

from omnimix.audience.persona.evidence import Evidence, Method
from omnimix.audience.persona.figure import Metric, Side
from omnimix.audience.persona.persona import Kind


@dataclass(frozen=True, slots=True)
class Measure:
    """What a figure is that was counted in the engine, not computed from feature rows: see Metric."""

    kind: Kind
    name: str
    unit: str
    method: Method
    subject: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One figure of one segment, and the sentence for it."""

    segment: str
    metric: Metric | Measure
    evidence: Evidence
    side: Side
