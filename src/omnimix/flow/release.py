"""Releases: what the workers decide from, gathered, published, reverted.

in   a Machine, campaigns' Jobs: approved variants, catalogue, snapshot, moment model, pace, stories
out  `.omnimix/releases/<id>.release` and the pointer `current`; one audit entry for every change of it
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from omnimix.activation.decide.feature import FeatureRules, with_levels
from omnimix.activation.decide.moment import Moment, from_bytes, to_bytes
from omnimix.activation.decide.release import (
    FOLDER,
    Asset,
    Content,
    Offer,
    Release,
    Running,
    current,
    load,
    named,
    point,
    save,
    stored,
)
from omnimix.activation.decide.serving import serving
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.decide.snapshot import to_bytes as snapshot_bytes
from omnimix.activation.decide.story import placed
from omnimix.activation.experiment.eligibility import Offering, offerings
from omnimix.activation.experiment.lanes import slices
from omnimix.core.errors import NotAllowed, NotFound
from omnimix.creative.variant import Variant
from omnimix.data.product import Product
from omnimix.flow.create import approved_of
from omnimix.flow.machine import Job, Machine
from omnimix.flow.market import first_snapshot, prior_of
from omnimix.flow.measure import weeks_of
from omnimix.flow.pacing import micros_at, pace_of
from omnimix.flow.people import on_ladder, products_of
from omnimix.flow.step import Counts
from omnimix.governance.audit import append
from omnimix.measurement.learn.rows import latest
from omnimix.store.turns import turn

_NO_MOMENTS: Mapping[str, Moment] = MappingProxyType({})
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list of releases."""

    release_id: str
    made_at: datetime
    campaigns: tuple[str, ...]
    variants: int
    models: tuple[str, ...]  # versions of moment models
    note: str
    served: bool


def folder_of(machine: Machine) -> Path:
    """Where releases are."""
    return machine.warehouse.local.root.parent / FOLDER


def publish(
    machine: Machine,
    jobs: Iterable[Job],
    *,
    moments: Mapping[str, Moment] = _NO_MOMENTS,
    note: str = "",
    by: str = "omnimix",
) -> Release:
    """Publish these campaigns as they are now, and the others as the current release has them.

    `moments`: new moment models by campaign; a campaign that gets none keeps its own while its variants are the
    same. A campaign without approved variants is left out. Raises NotAllowed when nothing is left.
    """
    folder = folder_of(machine)
    folder.mkdir(parents=True, exist_ok=True)
    with turn(folder / _LOCK):
        before = current_release(machine)
        kept = {r.campaign: r for r in before.campaigns} if before else {}
        for job in jobs:
            key = job.campaign.key
            made = running_of(machine, job, before=kept.get(key), moment=moments.get(key))
            kept.pop(key, None)
            if made is not None:
                kept[key] = made
        if not kept:
            raise NotAllowed("no variant is approved", fix="omnimix review list CAMPAIGN, then approve some")
        release = named(
            Release(
                release_id="",
                made_us=micros_at(machine.clock()),
                salt=machine.salt,
                timezone=machine.timezone,
                assumed=tuple(sorted(machine.consent_assumed)),
                placements=dict(machine.placements),
                campaigns=tuple(kept[key] for key in sorted(kept)),
                note=note,
            )
        )
        serving(release)  # one that cannot be served is not published
        if before is None or before.release_id != release.release_id:
            save(release, folder)
            _serve(machine, release.release_id, "published", note, by)
    return release


def publish_step(machine: Machine, jobs: Iterable[Job]) -> Counts:
    """`publish` as a step of a run."""
    release = publish(machine, jobs, note="run")
    variants = sum(len(r.offers) for r in release.campaigns)
    return Counts(
        len(release.campaigns),
        variants,
        unit_in="campaigns",
        unit_out="variants to serve",
        detail={"release": release.release_id},  # no output: the steps after it do not read it
    )


def revert(machine: Machine, release_id: str | None = None, *, note: str = "", by: str = "omnimix") -> Release:
    """Serve an earlier release again: the named one, else the newest made before the current one.

    Raises NotFound when there is none.
    """
    folder = folder_of(machine)
    there = stored(folder)
    if release_id is None:
        now = current(folder)
        place = next((i for i, r in enumerate(there) if r.release_id == now), 0)
        if place == 0:
            raise NotFound("there is no earlier release", where=str(folder), fix="omnimix release list")
        release_id = there[place - 1].release_id
    release = load(folder, release_id)
    serving(release)
    with turn(folder / _LOCK):
        _serve(machine, release_id, "reverted", note, by)
    return release


def current_release(machine: Machine) -> Release | None:
    """The release that is served; None before the first."""
    folder = folder_of(machine)
    found = current(folder)
    return None if found is None else load(folder, found)


def listed(machine: Machine) -> list[Listed]:
    """Every release, the newest first."""
    served = current(folder_of(machine))
    return [
        Listed(
            release_id=r.release_id,
            made_at=datetime(1970, 1, 1) + timedelta(microseconds=r.made_us),  # noqa: DTZ001 - naive UTC
            campaigns=tuple(c.campaign for c in r.campaigns),
            variants=sum(len(c.offers) for c in r.campaigns),
            models=tuple(from_bytes(c.moment).version for c in r.campaigns if c.moment),
            note=r.note,
            served=r.release_id == served,
        )
        for r in reversed(stored(folder_of(machine)))
    ]


def _serve(machine: Machine, release_id: str, what: str, note: str, by: str) -> None:
    with machine.ledger.begin() as session:
        append(
            session,
            actor=by,
            action=f"release.{what}",
            subject=release_id,
            detail={"note": note},
            now=machine.clock(),
        )
    with machine.ledger() as session:
        machine.anchor.write(session)
    point(folder_of(machine), release_id)


def running_of(
    machine: Machine, job: Job, *, before: Running | None, moment: Moment | None = None
) -> Running | None:
    """A campaign as it is to be served; None without approved variants."""
    variants = approved_of(machine, job)
    if not variants:
        return None
    products = {p.product_id: p for p in products_of(machine)}
    snapshot = current_snapshot(machine, job, variants)
    asked = offerings(
        variants, products.values(), language=job.campaign.languages[0], countries=job.campaign.countries
    )
    model = to_bytes(moment) if moment is not None else b""
    if not model and before is not None and tuple(o.variant for o in before.offers) == snapshot.variants:
        model = before.moment
    facts = [(v.variant_id, v.brief, v.step) for v in variants]
    return Running(
        campaign=job.campaign.key,
        starts_us=_midnight(job.campaign.starts_on, machine.timezone),
        ends_us=_midnight(job.campaign.ends_on + timedelta(days=1), machine.timezone),
        rules=job.eligibility,
        slices=slices(job.ladder),
        offers=tuple(_offer(v, o, products) for v, o in zip(variants, asked, strict=True)),
        snapshot=snapshot_bytes(snapshot),
        moment=model,
        features=features_of(machine, snapshot.segments),
        stories=tuple(placed(story, facts) for story in job.stories),
        pace=pace_of(machine, job),
    )


def features_of(machine: Machine, segments: tuple[str, ...]) -> FeatureRules:
    """What is logged of the moment: the declared features, with the segments and stages there are."""
    stages = tuple(stage.key for stage in machine.lifecycle.stages)
    return with_levels(machine.moment.x, {"state.segment": segments, "state.stage": stages})


def current_snapshot(machine: Machine, job: Job, variants: tuple[Variant, ...]) -> Snapshot:
    """The newest snapshot of exactly these variants; a first one is published where there is none."""
    with machine.ledger() as session:
        known = latest(session, job.campaign.key)
    if known is not None and known.variants == tuple(v.variant_id for v in variants):
        return known
    members = machine.warehouse.arrow(on_ladder(machine, job))
    sizes = {c["values"]: c["counts"] for c in members["segment"].value_counts().to_pylist()}
    return first_snapshot(machine, job, variants, sizes=sizes, prior=prior_of(machine, job), weeks=weeks_of(job))


def _offer(variant: Variant, asked: Offering, products: Mapping[str, Product]) -> Offer:
    leading = products.get(asked.leading or "")
    return Offer(
        variant=variant.variant_id,
        brief=variant.brief,
        step=variant.step,
        language=asked.language,
        countries=tuple(sorted(asked.countries)),
        leading=asked.leading,
        in_stock=asked.in_stock,
        price_low=asked.price_low,
        price_high=asked.price_high,
        approved=variant.digest,
        content=Content(
            headline=variant.headlines[0],
            text=variant.primary_text,
            call_to_action=variant.call_to_action,
            url=variant.final_url,
            assets=tuple(Asset(i.size, i.width, i.height, i.path, i.alt_text) for i in variant.images),
            subject=variant.email.subject,
            preheader=variant.email.preheader,
            body=variant.email.body,
        ),
        margin_share=leading.margin_share if leading else None,
    )


def _midnight(day: date, timezone: str) -> int:
    return round(datetime.combine(day, time(), ZoneInfo(timezone)).timestamp()) * 1_000_000
