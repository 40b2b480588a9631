"""A snapshot: what was known about the variants when it was published; choices are made from it.

in   posterior means and covariances made by measurement
out  Snapshot records that decide reads; bytes in a release, JSON in the ledger, both to the last bit
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
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


def to_bytes(snapshot: Snapshot) -> bytes:
    """msgpack; `from_bytes` gives the same snapshot to the last bit."""
    fields = {name: getattr(snapshot, name) for name in Snapshot.__dataclass_fields__}
    return _ENCODER.encode({k: _raw(v) if isinstance(v, np.ndarray) else v for k, v in fields.items()})


def from_bytes(content: bytes) -> Snapshot:
    """The inverse of `to_bytes`. Raises msgspec.DecodeError for anything else."""
    said = msgspec.msgpack.decode(content, type=_Plain)
    s, v = len(said.segments), len(said.variants)
    fields = msgspec.structs.asdict(said)
    for name, shape in (("mean", (s, v)), ("covariance", (s, v, v)), ("reachable", (s, v, v))):
        if fields[name] is not None:
            fields[name] = np.frombuffer(fields[name], dtype="<f8").reshape(shape)
    return Snapshot(**fields)


class _Plain(msgspec.Struct):
    """A Snapshot with its arrays as little-endian bytes."""

    snapshot_id: str
    campaign: str
    made_at: datetime
    segments: tuple[str, ...]
    variants: tuple[str, ...]
    briefs: tuple[str, ...]
    steps: tuple[int, ...]
    mean: bytes
    covariance: bytes
    promoted: tuple[Rung, ...]
    reachable: bytes | None


def _raw(values: FloatArray) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
