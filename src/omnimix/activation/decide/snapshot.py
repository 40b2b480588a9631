"""A snapshot: what was known about the variants when it was published; choices are made from it.

in   posterior means and covariances made by measurement
out  Snapshot records that decide reads; JSON in the ledger, so that a choice can be replayed
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from omnimix.activation.experiment.ladder import Rung

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Posterior of the margin per exposed profile-week (minor units) of each variant in each segment."""

    snapshot_id: str
    campaign: str
    made_at: datetime
    segments: tuple[str, ...]  # S
    variants: tuple[str, ...]  # V, variant ids
    briefs: tuple[str, ...]  # V, the brief of each variant
    steps: tuple[int, ...]  # V, the story step of each variant
    mean: FloatArray  # (S, V)
    covariance: FloatArray  # (S, V, V)
    promoted: tuple[Rung, ...]  # S, what the `follow` lane gets
    reachable: FloatArray | None = None  # (S, V, V) the part of `covariance` that the campaign's remaining traffic
    # can resolve (pooling.Belief); choices explore that part alone. None: all of it
