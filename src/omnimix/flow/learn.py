"""The moment model of a campaign: learnt from live decisions, judged, published in a release.

in   lessons (flow.lessons), `[moment]` of omnimix.toml, the campaign's snapshot as prior
out  a Moment, its Verdict; a new release where it passes. Artifact `<campaign>/policy`

Sums by day are kept in `.omnimix/moments/<campaign>.sums`; a micro-batch sums anew only the days whose margins may
still change, so that it ends with the very numbers of a fresh start.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.feature import FeatureRules, Features, compiled
from omnimix.activation.decide.moment import Moment, from_bytes
from omnimix.activation.decide.release import Running
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.decide.snapshot import from_bytes as snapshot_from
from omnimix.core.clock import micros
from omnimix.core.errors import NotFound
from omnimix.core.hashing import unit_interval
from omnimix.flow.lessons import DAY_US, Lessons, known_by_day, lessons_of
from omnimix.flow.machine import Job, Machine
from omnimix.flow.release import current_release, features_of, publish
from omnimix.measurement.learn.gate import Verdict, judge
from omnimix.measurement.learn.moment import Prior, learnt, scaled_prior
from omnimix.measurement.learn.stream import Sums, nothing, summed, to_bytes, weighed
from omnimix.measurement.learn.stream import from_bytes as sums_from

FOLDER = "moments"
OPEN_DAYS = 28  # whose margins may still change: attribution, refunds; older days are summed anew with `fresh`


@dataclass(frozen=True, slots=True)
class Policy:
    """What was learnt last for a campaign, and what came of it."""

    campaign: str
    version: str
    learnt_at: datetime
    decisions: int
    verdict: Verdict
    release: str  # the release that serves it; empty: it was not published
    running: str  # version of the model that ran; empty: none, choices came from the snapshot


def learn_moment(machine: Machine, job: Job, *, promote: bool = True, fresh: bool = False) -> Policy:
    """Learn the campaign's moment model anew and, where the gate lets it pass, publish it.

    Raises NotFound before the campaign was released and before anything was decided.
    """
    key, now = job.campaign.key, machine.clock()
    running = _running(machine, key)
    snapshot = snapshot_from(running.snapshot)
    rules = features_of(machine, snapshot.segments)
    features = compiled(rules, timezone=machine.timezone)
    before = _Kept.read(_path(machine, key), features, snapshot.variants) if not fresh else None
    today = micros(now) // DAY_US
    since = None if before is None else datetime(1970, 1, 1) + timedelta(days=int(today) - OPEN_DAYS)  # noqa: DTZ001
    lessons = lessons_of(machine, key, features=features, variants=snapshot.variants, now=now, since=since)
    sums = _sums(before, lessons, features, snapshot.variants, today - OPEN_DAYS if since else None)
    decisions = sum(int(day.count.sum()) for day in sums.days.values())
    if not decisions:
        raise NotFound("nothing was decided yet", where=key, fix="omnimix serve, and ask POST /v1/decide")
    learner = _Learner(machine, job, rules, features, snapshot, known_by_day(machine, key, now=now), int(today))
    moment = learner.moment(sums)
    ran = lessons.log.part(lessons.moment)
    days = lessons.day[lessons.moment]
    verdict = judge(
        ran,
        lambda rows: learner.moment(_summed(Lessons(ran.part(rows), days[rows], rows[rows]), snapshot.variants)),
        tolerance=machine.moment.tolerance,
    )
    _Kept(features.names, snapshot.variants, to_bytes(sums)).write(_path(machine, key))
    release = ""
    if promote and verdict.passed:
        release = publish(machine, [job], moments={key: moment}, note=f"moment model {moment.version}").release_id
    ran_with = from_bytes(running.moment).version if running.moment else ""
    policy = Policy(key, moment.version, now, decisions, verdict, release, ran_with)
    machine.artifacts.save(f"{key}/policy", policy)
    return policy


def learn_released(machine: Machine, jobs: Iterable[Job]) -> list[Policy]:
    """`learn_moment` for each of the campaigns that is released and was decided for."""
    release = current_release(machine)
    served = {r.campaign for r in release.campaigns} if release else set()
    found = []
    for job in jobs:
        if job.campaign.key in served:
            try:
                found.append(learn_moment(machine, job))
            except NotFound:
                continue
    return found


def policy_of(machine: Machine, campaign: str) -> Policy:
    """What was learnt last. Raises NotFound."""
    return machine.artifacts.load(f"{campaign}/policy", Policy)


@dataclass(frozen=True, slots=True, eq=False)
class _Learner:
    machine: Machine
    job: Job
    rules: FeatureRules
    features: Features
    snapshot: Snapshot
    known: npt.NDArray[np.float64]
    today: int

    def moment(self, sums: Sums) -> Moment:
        """The model that the sums teach."""
        rules = self.machine.moment
        seen = weighed(sums, today=self.today, known=self.known, keep=rules.keep)
        count = float(seen.count.sum())
        mean = float(seen.cross[:, 0].sum()) / max(count, 1.0)
        spread = float(np.sqrt(max(float(seen.squares.sum()) / max(count, 1.0) - mean**2, 1.0)))
        end = self.job.campaign.ends_on
        left = max(1, min((end - self.machine.clock().date()).days, round(2 * rules.half_life_days)))
        recent = [sum_.count.sum() for day, sum_ in sums.days.items() if day >= self.today - 7]
        ahead = left * (float(np.mean(recent)) if recent else 1.0)
        return learnt(
            seen,
            self.rules,
            self.features.names,
            self.features.classes,
            self.snapshot.variants,
            self._prior(mean, spread),
            seed=int(unit_interval(self.job.campaign.key, str(self.today)) * (1 << 32)),
            draws=rules.draws,
            floor=rules.floor,
            explore=rules.explore,
            ahead=ahead,
        )

    def _prior(self, mean: float, spread: float) -> Prior:
        """Leads of variants from the snapshot, which knows their copy's scores and what segments taught."""
        level = float(self.snapshot.mean.mean())
        own = self.snapshot.mean.mean(axis=0) - level
        leads = own / abs(level) * abs(mean) if level else own * 0
        return scaled_prior(mean, spread, leads=tuple(leads.tolist()))


def _sums(
    before: "_Kept | None", lessons: Lessons, features: Features, variants: tuple[str, ...], since: int | None
) -> Sums:
    """All days: closed ones as they were kept, open ones as they are now."""
    news = _summed(lessons, variants)
    if before is None or since is None:
        return news
    old = sums_from(before.sums)
    closed = {day: sums for day, sums in old.days.items() if day < since}
    return Sums(len(variants), len(features.names), closed) + news


def _summed(lessons: Lessons, variants: tuple[str, ...]) -> Sums:
    log = lessons.log
    if not len(log.place):
        return nothing(len(variants), log.x.shape[1])
    return summed(log.x, log.place, log.reward, lessons.day, variants=len(variants))


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """Sums on disk, and what their rows and columns mean."""

    features: tuple[str, ...]
    variants: tuple[str, ...]
    sums: bytes

    @classmethod
    def read(cls, path: Path, features: Features, variants: tuple[str, ...]) -> "_Kept | None":
        """None where there is none, or of other features or variants: then all is summed anew."""
        try:
            kept = msgspec.msgpack.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None
        return kept if (kept.features, kept.variants) == (features.names, variants) else None

    def write(self, path: Path) -> None:
        """Replace what was kept."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        draft.write_bytes(msgspec.msgpack.encode(self))
        draft.replace(path)


def _path(machine: Machine, campaign: str) -> Path:
    return machine.warehouse.local.root.parent / FOLDER / f"{campaign}.sums"


def _running(machine: Machine, campaign: str) -> Running:
    release = current_release(machine)
    for running in release.campaigns if release else ():
        if running.campaign == campaign:
            return running
    raise NotFound("the campaign is not released", where=campaign, fix=f"omnimix release publish {campaign}")
