"""A release made ready: everything that decisions have in common, worked out once.

in   a Release
out  Serving: for each campaign its rule sets, pools, posterior draws, moment model, features, content as JSON
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.against import RuleSets, rule_sets
from omnimix.activation.decide.choice import IntArray, Ready, chances, pool, ready, resolved
from omnimix.activation.decide.decision import Kept
from omnimix.activation.decide.feature import Features, compiled
from omnimix.activation.decide.moment import Moment
from omnimix.activation.decide.moment import from_bytes as moment_from
from omnimix.activation.decide.pacing import Pace
from omnimix.activation.decide.release import Placement, Release, Running
from omnimix.activation.decide.snapshot import from_bytes as snapshot_from
from omnimix.activation.decide.story import Story
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import InvalidInput, NotFound
from omnimix.core.hashing import unit_interval

BoolArray = npt.NDArray[np.bool_]
WEB = "web"  # the placement of a workspace that declares none
MOST_PLACES = 1 << 63  # larger numbers MessagePack does not know
_MOST_KEPT = 20_000  # sets whose chances are remembered; a campaign rarely meets more than some hundred


class Chances(msgspec.Struct, frozen=True):
    """The chances of K places, and the running sum that a draw falls into."""

    columns: list[int]
    values: list[float]
    upto: list[float]
    kept: bytes  # the chances as the journal keeps them: float64, little-endian

    def drawn(self, draw: float) -> tuple[int, float]:
        """The place that a draw in [0, 1) falls on, and its chance."""
        at = min(bisect_right(self.upto, draw), len(self.columns) - 1)
        return self.columns[at], self.values[at]


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """One campaign made ready. Sets of places are whole numbers, a bit for each offer."""

    running: Running
    campaign: str
    variants: tuple[str, ...]  # V
    sets: RuleSets
    ready: Ready
    moment: Moment | None
    features: Features | None
    contents: tuple[msgspec.Raw, ...]  # V, JSON
    snapshot_id: str
    model: str
    stories: tuple[Story, ...]
    cost: int  # micros of one showing
    _pools: dict[tuple[str, Rung, int], int] = field(default_factory=dict)
    _chances: dict[tuple[str, int], Chances] = field(default_factory=dict)
    _columns: dict[int, IntArray] = field(default_factory=dict)
    _rungs: dict[tuple[str, str], Rung] = field(default_factory=dict)

    def rung(self, segment: str, lane: str) -> Rung:
        """What a lane comes to in a segment."""
        if (found := self._rungs.get((segment, lane))) is None:
            found = self._rungs[segment, lane] = resolved(self.ready, segment, lane)
        return found

    def pool(self, segment: str, rung: Rung, step: int) -> int:
        """The set of places that a rung may show in a segment, before eligibility."""
        key = (segment, rung, step)
        if (found := self._pools.get(key)) is None:
            found = self._pools[key] = set_of(pool(self.ready, segment, rung, step))
        return found

    def chances(self, segment: str, places: int) -> Chances:
        """Chances of the places of a set by the snapshot."""
        key = (segment, places)
        if (found := self._chances.get(key)) is None:
            columns = self.columns(places)
            found = chances_of(columns, chances(self.ready, segment, columns))
            if len(self._chances) >= _MOST_KEPT:
                self._chances.clear()
            self._chances[key] = found
        return found

    def columns(self, places: int) -> IntArray:
        """The places of a set in order."""
        if (found := self._columns.get(places)) is None:
            found = columns_of(places)
            if len(self._columns) >= _MOST_KEPT:
                self._columns.clear()
            self._columns[places] = found
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """A release made ready."""

    release: Release
    salt: str
    assumed: frozenset[str]
    placements: Mapping[str, Placement]
    first: str  # the placement of a request that names none
    campaigns: Mapping[str, Served]
    filling: Mapping[str, tuple[Served, ...]]  # placement → campaigns of which some offer fits
    defaults: Mapping[str, msgspec.Raw]  # placement → what is shown when nothing is eligible
    zone: ZoneInfo

    def point(self, profile_id: str) -> float:
        """A profile's point of the unit line, which decides its lane."""
        return unit_interval(self.salt, profile_id)

    def hour(self, now_us: int) -> int:
        """The hour of the day in the workspace's time zone."""
        return datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(self.zone).hour

    def placement(self, name: str) -> str:
        """The placement that a request means. Raises NotFound."""
        if not name:
            return self.first
        if name not in self.placements:
            there = ", ".join(self.placements)
            raise NotFound(f"there is no placement {name!r}", where="placement", fix=f"there are: {there}")
        return name

    def paces(self) -> dict[str, Pace]:
        """The budgets of the campaigns that have one and pay for being shown."""
        return {c: s.running.pace for c, s in self.campaigns.items() if s.cost and s.running.pace}


def serving(release: Release) -> Serving:
    """Make a release ready: some ten milliseconds a campaign. Raises InvalidInput for one that disagrees."""
    places = release.placements or {WEB: Placement()}
    campaigns = {r.campaign: served(r, places, release.timezone) for r in release.campaigns}
    filling = {
        name: tuple(s for s in campaigns.values() if s.sets.fits[name] != s.sets.everything) for name in places
    }
    return Serving(
        release=release,
        salt=release.salt,
        assumed=frozenset(release.assumed),
        placements=places,
        first=next(iter(places)),
        campaigns=campaigns,
        filling=filling,
        defaults={name: msgspec.Raw(msgspec.json.encode(p.default)) for name, p in places.items()},
        zone=ZoneInfo(release.timezone),
    )


def served(running: Running, placements: Mapping[str, Placement], timezone: str) -> Served:
    """One campaign made ready. Raises InvalidInput when its offers are not those of its snapshot or model."""
    variants = tuple(o.variant for o in running.offers)
    snapshot = snapshot_from(running.snapshot)
    moment = moment_from(running.moment) if running.moment else None
    if snapshot.variants != variants or (moment is not None and moment.variants != variants):
        raise InvalidInput(
            "offers, snapshot and model name different variants",
            where=f"campaign {running.campaign}",
            fix="omnimix release publish",
        )
    rules = moment.rules if moment else running.features
    pace = running.pace
    return Served(
        running=running,
        campaign=running.campaign,
        variants=variants,
        sets=rule_sets(running, placements),
        ready=ready(snapshot),
        moment=moment,
        features=compiled(rules, timezone=timezone) if rules else None,
        contents=tuple(msgspec.Raw(msgspec.json.encode(o.content)) for o in running.offers),
        snapshot_id=snapshot.snapshot_id,
        model=moment.version if moment else "",
        stories=running.stories,
        cost=pace.cost if pace else 0,
    )


def chances_of(columns: IntArray, chance: npt.NDArray[np.float64]) -> Chances:
    """Chances made ready to draw from."""
    values = chance.tolist()
    return Chances(columns.tolist(), values, list(accumulate(values)), chance.astype("<f8").tobytes())


def set_of(mask: BoolArray) -> int:
    """A mask (V,) as a set of places."""
    return int.from_bytes(np.packbits(mask, bitorder="little").tobytes(), "little")


def columns_of(places: int) -> IntArray:
    """The places of a set in order."""
    return np.array(list_of(places), dtype=np.int64)


def list_of(places: int) -> list[int]:
    """The places of a set in order."""
    found, at = [], 0
    while places:
        skip = (places & -places).bit_length() - 1
        at += skip
        found.append(at)
        places >>= skip + 1
        at += 1
    return found


def kept(places: int) -> Kept:
    """A set as the journal keeps it."""
    return places if places < MOST_PLACES else bits(places)


def bits(places: int) -> bytes:
    """A set as bytes, little-endian, no longer than needed."""
    return places.to_bytes((places.bit_length() + 7) // 8, "little")


def unkept(places: Kept) -> int:
    """The inverse of `kept`, and of `bits`."""
    return places if isinstance(places, int) else int.from_bytes(places, "little")


def masks(sets: Sequence[int], count: int) -> BoolArray:
    """(N, count) masks of N sets of places."""
    size = (count + 7) // 8
    raw = np.frombuffer(b"".join([s.to_bytes(size, "little") for s in sets]), dtype=np.uint8)
    return np.unpackbits(raw.reshape(len(sets), size), axis=1, count=count, bitorder="little").astype(np.bool_)
