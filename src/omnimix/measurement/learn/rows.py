"""Published snapshots in the ledger: versioned, never changed, read back to the last bit.

in   Snapshot records and a ledger session, whose transaction the caller owns
out  rows; the same Snapshot records
"""

import json
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import Conflict, NotFound
from omnimix.store.ledger import Row


class SnapshotRow(Row):
    """One published snapshot as JSON. Two writers cannot take the same version of a campaign."""

    __tablename__ = "snapshot"
    __table_args__ = (UniqueConstraint("campaign", "version"),)

    snapshot_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    campaign: Mapped[str] = mapped_column(String(200))
    version: Mapped[int]
    made_at: Mapped[datetime]
    body: Mapped[str]


def publish(session: Session, snapshot: Snapshot) -> int:
    """Keep a snapshot and return its version in the campaign, from 1. The same one again keeps its version.

    Raises Conflict when its id was published with other content.
    """
    body = to_json(snapshot)
    known = session.get(SnapshotRow, snapshot.snapshot_id)
    if known is not None:
        if known.body != body:
            raise Conflict(
                f"snapshot {snapshot.snapshot_id} was published with other content",
                where=f"campaign {snapshot.campaign}",
                fix="fit it again: its id depends on its content",
            )
        return known.version
    newest = session.scalar(select(func.max(SnapshotRow.version)).where(SnapshotRow.campaign == snapshot.campaign))
    version = (newest or 0) + 1
    session.add(
        SnapshotRow(
            snapshot_id=snapshot.snapshot_id,
            campaign=snapshot.campaign,
            version=version,
            made_at=snapshot.made_at,
            body=body,
        )
    )
    session.flush()
    return version


def latest(session: Session, campaign: str) -> Snapshot | None:
    """The newest snapshot of a campaign; None before the first."""
    row = session.scalars(
        select(SnapshotRow).where(SnapshotRow.campaign == campaign).order_by(SnapshotRow.version.desc()).limit(1)
    ).first()
    return from_json(row.body) if row else None


def read(session: Session, snapshot_id: str) -> Snapshot:
    """The snapshot that an exposure was chosen from. Raises NotFound."""
    row = session.get(SnapshotRow, snapshot_id)
    if row is None:
        raise NotFound(f"no snapshot {snapshot_id!r}", where="ledger", fix="check the exposure's snapshot_id")
    return from_json(row.body)


def to_json(snapshot: Snapshot) -> str:
    """JSON with the shortest digits that read back to the same floats. Raises ValueError for NaN and infinity."""
    fields: dict[str, Any] = {
        "snapshot_id": snapshot.snapshot_id,
        "campaign": snapshot.campaign,
        "made_at": snapshot.made_at.isoformat(),
        "segments": snapshot.segments,
        "variants": snapshot.variants,
        "briefs": snapshot.briefs,
        "steps": snapshot.steps,
        "mean": snapshot.mean.tolist(),
        "covariance": snapshot.covariance.tolist(),
        "promoted": [str(rung) for rung in snapshot.promoted],
        "reachable": None if snapshot.reachable is None else snapshot.reachable.tolist(),
    }
    return json.dumps(fields, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Snapshot:
    """The inverse of `to_json`."""
    fields = json.loads(text)
    s, v = len(fields["segments"]), len(fields["variants"])
    reachable = fields.get("reachable")
    return Snapshot(
        snapshot_id=fields["snapshot_id"],
        campaign=fields["campaign"],
        made_at=datetime.fromisoformat(fields["made_at"]),
        segments=tuple(fields["segments"]),
        variants=tuple(fields["variants"]),
        briefs=tuple(fields["briefs"]),
        steps=tuple(fields["steps"]),
        mean=np.array(fields["mean"], dtype=np.float64).reshape(s, v),
        covariance=np.array(fields["covariance"], dtype=np.float64).reshape(s, v, v),
        promoted=tuple(Rung(rung) for rung in fields["promoted"]),
        reachable=None if reachable is None else np.array(reachable, dtype=np.float64).reshape(s, v, v),
    )
