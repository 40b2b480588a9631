"""What the engine counted of each segment, for the statements that feature rows do not carry.

in   rows of `moment`, `word`, `objection` and `typical`
out  a Seen record
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from omnimix.audience.persona.moment import Week
from omnimix.audience.persona.persona import Path
from omnimix.audience.persona.typical import representative


@dataclass(frozen=True, slots=True)
class Seen:
    """Small tables: what people of each segment did, counted. Rows are those of the functions named beside."""

    week: Week  # moment.hours, moment.buyers
    words: pa.Table  # word.word_people
    speakers: pa.Table  # word.speakers
    objections: pa.Table  # objection.objections
    paths: pa.Table  # typical.paths
    walkers: pa.Table  # typical.walkers

    def paths_of(self, segments: Sequence[str], *, confidence: float) -> Mapping[str, tuple[Path, ...]]:
        """The representative journeys of each segment that has any."""
        return representative(self.paths, self.walkers, segments, confidence=confidence)
