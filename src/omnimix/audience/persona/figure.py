"""What a persona's figure is: how it is made of the members' values, and the sentence for either direction.

in   a Matrix
out  the Metric record
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omnimix.audience.persona.evidence import Method
from omnimix.audience.persona.persona import Kind
from omnimix.audience.segment.matrix import FloatArray, Matrix

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Side:
    """Wording for one direction: the sentence with {value} and {base}, and a few words for the headline."""

    text: str
    short: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. `above` and `below` are None where that direction is not worth a sentence."""

    kind: Kind
    name: str
    unit: str  # share, days, minor, count
    method: Method
    values: Callable[[Matrix], FloatArray]
    applies: Callable[[Matrix], Mask]
    above: Side | None
    below: Side | None = None
    plain: str = ""  # the same about the whole base, with {value}; empty: not part of its portrait
    subject: str = ""
    family: str = ""  # metrics of one family compete: the base portrait tells the largest only
