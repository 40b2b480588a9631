"""Decisions of a campaign with their rewards, as the moment model learns from them.

in   facts of decisions and what became of them; releases, which say what x and the places of a decision mean
out  Lessons: x, variant, reward, day; the Log that a policy is judged by; the share of a day's margin known by now
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ibis import _

from omnimix.activation.decide.feature import FeatureRules, Features, compiled
from omnimix.activation.decide.moment import from_bytes
from omnimix.activation.decide.release import Running, stored
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.clock import micros
from omnimix.flow.machine import Machine
from omnimix.flow.people import decisions_of, events_of, fact
from omnimix.flow.release import folder_of
from omnimix.flow.rewards import orders_of, rewards_of
from omnimix.measurement.learn.gate import Log
from omnimix.measurement.learn.join import credited, touches
from omnimix.measurement.learn.lag import matured

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LAG_HOURS = 14 * 24  # of delays that are looked at; what comes later counts as known by then
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """N decisions that showed something, in the features and variants of now."""

    log: Log
    day: IntArray  # (N,) whole days since 1970 UTC
    moment: npt.NDArray[np.bool_]  # (N,) whether the rung `moment` decided: its log judges policies


def lessons_of(
    machine: Machine,
    campaign: str,
    *,
    features: Features,
    variants: tuple[str, ...],
    now: datetime,
    since: datetime | None = None,
) -> Lessons:
    """The campaign's decisions, since an instant or all.

    Left out: variants no longer served, decisions without x, the rung `sequence` (what people engaged with picked
    its variants, so its later steps are seen by better customers), robots, who refuses measurement.
    """
    rows = rewards_of(machine, now=now).filter(_.campaign == campaign, _.rung != str(Rung.SEQUENCE))
    if since is not None:
        rows = rows.filter(_.decided_at >= since)
    kept = rows.select(
        "decision_id",
        "profile_id",
        "release_id",
        "rung",
        "variant_id",
        "probability",
        "eligible",
        "features",
        "margin_minor",
        us=_.decided_at.epoch_seconds() * 1_000_000,
    )
    table = machine.warehouse.arrow(kept.order_by("decision_id"))
    known = known_by_day(machine, campaign, now=now)
    return _lessons(table, _runnings(machine, campaign), features, variants, known, micros(now))


def known_by_day(machine: Machine, campaign: str, *, now: datetime) -> FloatArray:
    """(D,) share of the margin of the decisions of today, yesterday, … that is known by `now`."""
    decisions = decisions_of(machine).filter(_.campaign == campaign)
    human = events_of(machine, None).anti_join(fact(machine, "automated"), "event_id")
    found = credited(decisions, touches(decisions, human), orders_of(machine), machine.feedback).filter(~_.refund)
    told = found.select(us=_.occurred_at.epoch_seconds(), delay="delay_seconds").order_by("us", "delay")
    table = machine.warehouse.arrow(told)
    end = micros(now) // HOUR_US
    known_at = table["us"].to_numpy() // 3600
    made = (table["us"].to_numpy() - table["delay"].to_numpy()) // 3600
    first = end - LAG_HOURS
    pairs = np.stack([made - first, known_at - first], axis=1)[(made >= first) & (known_at < end)]
    cells, counts = np.unique(pairs, axis=0, return_counts=True)
    lag = [(int(m), int(k), int(n)) for (m, k), n in zip(cells, counts, strict=True)]
    by_hour = matured(lag, weeks=LAG_HOURS)
    return shares_by_day(by_hour, now_us=micros(now))


def shares_by_day(by_hour: FloatArray, *, now_us: int) -> FloatArray:
    """Shares known by age in hours as mean shares of whole days: today's (so far) first."""
    hour = now_us // HOUR_US
    today = int(hour % 24) + 1  # hours of today, the one that runs among them
    ends = [today, *range(today + 24, len(by_hour), 24)]
    starts = [0, *ends[:-1]]
    return np.array([by_hour[a:b].mean() for a, b in zip(starts, ends, strict=True)])


def _lessons(
    table: pa.Table,
    runnings: dict[str, Running],
    features: Features,
    variants: tuple[str, ...],
    known: FloatArray,
    now_us: int,
) -> Lessons:
    us = table["us"].to_numpy()
    place_of = {variant: i for i, variant in enumerate(variants)}
    place = np.array([place_of.get(v, -1) for v in table["variant_id"].to_pylist()], dtype=np.int64)
    x = np.zeros((len(us), len(features.names)), dtype=np.float32)
    masks = np.zeros((len(us), len(variants)), dtype=np.bool_)
    good = place >= 0
    release = np.array(table["release_id"].to_pylist(), dtype=object)
    raw, sets = table["features"].to_pylist(), table["eligible"].to_pylist()
    for release_id in sorted(set(release.tolist())):
        rows = np.nonzero(release == release_id)[0]
        running = runnings.get(release_id)
        then = _rules_of(running) if running is not None else None
        if running is None or then is None:
            good[rows] = False
            continue
        names = compiled(then).names
        size = 4 * len(names)
        good[rows] &= np.array([len(raw[r]) == size for r in rows])
        whole = [r for r in rows.tolist() if good[r]]
        if not whole:
            continue
        vectors = np.frombuffer(b"".join(raw[r] for r in whole), dtype="<f4").reshape(len(whole), -1)
        x[whole] = _renamed(vectors, names, features.names)
        masks[whole] = _masks([sets[r] for r in whole], running, place_of)
    good &= masks[np.arange(len(us)), np.maximum(place, 0)]
    day = us // DAY_US
    age = np.clip(now_us // DAY_US - day, 0, None)
    share = np.where(age < len(known), known[np.minimum(age, len(known) - 1)], 1.0)
    _names, person = np.unique(np.array(table["profile_id"].to_pylist(), dtype=str), return_inverse=True)
    log = Log(
        x=x,
        masks=masks,
        place=place,
        probability=table["probability"].to_numpy(),
        reward=table["margin_minor"].to_numpy().astype(np.float64),
        known=share,
        person=person.astype(np.int64),
    )
    ran = np.array([r == str(Rung.MOMENT) for r in table["rung"].to_pylist()], dtype=np.bool_)
    return Lessons(log.part(good), day[good], ran[good])


def _rules_of(running: Running) -> FeatureRules | None:
    return from_bytes(running.moment).rules if running.moment else running.features


def _renamed(
    vectors: npt.NDArray[np.float32], then: tuple[str, ...], now: tuple[str, ...]
) -> npt.NDArray[np.float32]:
    """Columns by name: a level that was not there then was 0 for everybody."""
    at = {name: i for i, name in enumerate(then)}
    out = np.zeros((len(vectors), len(now)), dtype=np.float32)
    for place, name in enumerate(now):
        if name in at:
            out[:, place] = vectors[:, at[name]]
    return out


def _masks(sets: list[bytes], running: Running, place_of: dict[str, int]) -> npt.NDArray[np.bool_]:
    width = (len(running.offers) + 7) // 8
    packed = np.frombuffer(b"".join(s[:width].ljust(width, b"\0") for s in sets), dtype=np.uint8)
    then = np.unpackbits(packed.reshape(len(sets), width), axis=1, bitorder="little").astype(np.bool_)
    out = np.zeros((len(sets), len(place_of)), dtype=np.bool_)
    for place, offer in enumerate(running.offers):
        if offer.variant in place_of:
            out[:, place_of[offer.variant]] = then[:, place]
    return out


def _runnings(machine: Machine, campaign: str) -> dict[str, Running]:
    releases = stored(folder_of(machine))
    return {rel.release_id: r for rel in releases for r in rel.campaigns if r.campaign == campaign}
