"""Stage 3 as steps of a run: briefs, copy, pictures, checks, review.

in   personas, members, products and order lines of the workspace; the campaign's job
out  artifacts `briefs`; variants in review, with findings; pictures under out/creatives
"""

import shutil
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from omnimix.audience.persona.persona import Persona
from omnimix.audience.segment.buyers import buyers
from omnimix.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from omnimix.core.finding import Finding, is_blocked
from omnimix.creative.brand import Brand
from omnimix.creative.brief.brief import BROAD, Brief
from omnimix.creative.brief.make import make_briefs
from omnimix.creative.copy.write import BuiltInWriter
from omnimix.creative.image.poster import Poster, make_poster
from omnimix.creative.image.render import render_set
from omnimix.creative.ledger.gather import visible_text
from omnimix.creative.ledger.ground import Ledger
from omnimix.creative.policy.check import PolicyFacts, run_checks
from omnimix.creative.policy.checks import CHECKS
from omnimix.creative.review.decision import approve, approved
from omnimix.creative.review.queue import Candidate, Status, candidate, candidates, submit, withdraw
from omnimix.creative.variant import Image, Variant
from omnimix.data.product import Product
from omnimix.flow.machine import Job, Machine
from omnimix.flow.people import lines_of, members_of, products_of
from omnimix.flow.step import Counts
from omnimix.governance.consent import Purpose

PICTURES = "creatives"
PAGES = "pages"  # folder of saved landing pages in the workspace


def bought(machine: Machine) -> dict[str, dict[str, int]]:
    """Segment (or BROAD, for everybody) → product id → distinct buyers."""
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    members = members_of(machine)
    overall = buyers(lines_of(machine), members.limit(0), everybody=BROAD)
    by_segment = buyers(lines_of(machine, Purpose.PERSONALISATION), members, everybody=BROAD)
    for table in (overall, by_segment.filter(by_segment["segment"] != BROAD)):
        for row in machine.warehouse.arrow(table).to_pylist():
            counted[row["segment"]][row["product_id"]] = row["buyers"]
    return dict(counted)


def write_briefs(machine: Machine, job: Job) -> Counts:
    """Make the broad brief and one per persona."""
    personas = machine.artifacts.load("personas", tuple[Persona, ...])
    products = products_of(machine)
    briefs = make_briefs(job.campaign, machine.brand, products, personas, bought=bought(machine))
    machine.artifacts.save(f"{job.campaign.key}/briefs", briefs)
    return Counts(
        len(personas), len(briefs), unit_in="personas", unit_out="briefs", detail={"broad": 1}, output=briefs
    )


def write_copy(machine: Machine, job: Job) -> Counts:
    """Write the variants of every brief, without pictures."""
    briefs = machine.artifacts.load(f"{job.campaign.key}/briefs", tuple[Brief, ...])
    writer = BuiltInWriter()
    variants = [v for b in briefs for v in writer.write(b, job.campaign, machine.brand, seed=0)]
    machine.artifacts.save(f"{job.campaign.key}/copy", tuple(variants))
    lines = sum(len(v.headlines) + len(v.descriptions) for v in variants)
    return Counts(
        len(briefs),
        len(variants),
        unit_in="briefs",
        unit_out="variants",
        detail={"headlines and descriptions": lines},
        output=tuple(variants),
    )


@dataclass(frozen=True, slots=True)
class _Order:
    """One set of pictures to make."""

    poster: Poster
    stem: str
    photo: Path | None


def draw(machine: Machine, job: Job) -> Counts:
    """Render every variant in every size, on all cores, into out/creatives/<campaign>/<variant>/."""
    variants = machine.artifacts.load(f"{job.campaign.key}/copy", tuple[Variant, ...])
    products = {p.product_id: p for p in products_of(machine)}
    orders = [_order(machine, job, v, products) for v in variants]
    shutil.rmtree(machine.out / PICTURES / job.campaign.key, ignore_errors=True)
    paint = partial(_paint, brand=machine.brand, folder=machine.out, workspace=machine.root)
    with ProcessPoolExecutor(max_workers=2) as pool:
        sets = list(pool.map(paint, orders))
    drawn = tuple(replace(v, images=images) for v, images in zip(variants, sets, strict=True))
    machine.artifacts.save(f"{job.campaign.key}/variants", drawn)
    return Counts(
        len(variants),
        sum(len(v.images) for v in drawn),
        unit_in="variants",
        unit_out="pictures",
        detail={"with photo": sum(i.with_photo for v in drawn for i in v.images)},
        output=[v.digest for v in drawn],
    )


def drawn_again(machine: Machine, job: Job, variant: Variant) -> Variant:
    """The variant with pictures of its words as they are now."""
    order = _order(machine, job, variant, {p.product_id: p for p in products_of(machine)})
    images = _paint(order, brand=machine.brand, folder=machine.out, workspace=machine.root)
    return replace(variant, images=images)


def picture_files(machine: Machine, job: Job) -> tuple[Path, ...]:
    """The files that go into the campaign's pictures: logo, fonts, and the photos of what is shown."""
    products = {p.product_id: p for p in products_of(machine)}
    variants = machine.artifacts.load(f"{job.campaign.key}/copy", tuple[Variant, ...])
    photos = {_photo(machine, _shown(v, products)) for v in variants} - {None}
    brand = machine.brand
    named = (brand.logo, brand.heading_font, brand.body_font)
    return (*(machine.root / n for n in named if n), *sorted(p for p in photos if p))


def _shown(variant: Variant, products: dict[str, Product]) -> list[Product]:
    return [products[p] for p in variant.product_ids if p in products]


def _photo(machine: Machine, shown: list[Product]) -> Path | None:
    """The photo of the first product; a web address, as in shop exports, is no file.

    Raises InvalidInput for a path that leaves the workspace.
    """
    image = shown[0].image if shown else None
    if not image or "://" in image:
        return None
    photo = machine.root / image
    if not photo.resolve().is_relative_to(machine.root.resolve()):
        raise InvalidInput(
            f"the photo {image!r} lies outside the workspace",
            where=f"product {shown[0].product_id}",
            fix="copy it into the workspace and name that path",
        )
    return photo


def _order(machine: Machine, job: Job, variant: Variant, products: dict[str, Product]) -> _Order:
    shown = _shown(variant, products)
    photo = _photo(machine, shown)
    poster = make_poster(variant, machine.brand, shown, offer=job.campaign.offer)
    return _Order(poster, f"{PICTURES}/{job.campaign.key}/{variant.brief}/{variant.variant_id}", photo)


def _paint(order: _Order, *, brand: Brand, folder: Path, workspace: Path) -> tuple[Image, ...]:
    return render_set(order.poster, brand, folder=folder, stem=order.stem, photo=order.photo, workspace=workspace)


def check(machine: Machine, job: Job) -> Counts:
    """Run all checks and put the variants before a person; blocking findings keep one out of the queue."""
    variants = machine.artifacts.load(f"{job.campaign.key}/variants", tuple[Variant, ...])
    facts = policy_facts(machine, job, variants)
    examined: list[tuple[Variant, tuple[Finding, ...]]] = [(v, run_checks(v, facts, CHECKS)) for v in variants]
    now = machine.clock()
    with machine.ledger.begin() as session:
        submit(session, examined, now=now, approvals=machine.review.approvals)
        withdraw(session, job.campaign.key, keep={v.variant_id for v in variants}, now=now)
    with machine.ledger() as session:
        machine.anchor.write(session)
    blocked = sum(is_blocked(found) for _, found in examined)
    return Counts(
        len(variants),
        len(variants) - blocked,
        rejected=blocked,
        unit_in="variants",
        unit_out="variants",
        detail={"findings": sum(len(found) for _, found in examined)},
        output=[(v.digest, is_blocked(found)) for v, found in examined],
    )


def policy_facts(
    machine: Machine, job: Job, variants: tuple[Variant, ...], ledger: Ledger | None = None
) -> PolicyFacts:
    """What the checks hold a variant against."""
    pictures = {i.path: machine.out / i.path for v in variants for i in v.images}
    return PolicyFacts(
        brand=machine.brand,
        campaign=job.campaign,
        products={p.product_id: p for p in products_of(machine)},
        buyers=bought(machine).get(BROAD, {}),
        today=machine.clock().date(),
        channels=job.campaign.channels,
        landing=_landing(machine, job),
        ledger=ledger,
        image_bytes={name: path.stat().st_size for name, path in pictures.items() if path.exists()},
    )


def _landing(machine: Machine, job: Job) -> str | None:
    """The text of the landing page, where the workspace keeps a copy of it: pages/<campaign>.html."""
    page = machine.root / PAGES / f"{job.campaign.key}.html"
    return visible_text(page.read_text("utf-8", errors="replace")) if page.exists() else None


def review(machine: Machine, job: Job, *, approver: str | None = None) -> Counts:
    """Take over what a person decided. Raises NotAllowed while variants wait, Conflict without a broad one.

    `approver` approves everything that waits: for the demo, where nobody is there to look.
    """
    key = job.campaign.key
    if approver:
        approve_variants(machine, key, None, person=approver)
    with machine.ledger() as session:
        shown = [
            c for c in candidates(session, key) if c.status in (Status.QUEUED, Status.APPROVED, Status.REJECTED)
        ]
        allowed = approved(session, key, pictures=machine.out)
    _broad_blocked(machine, job)
    waiting = sum(c.status is Status.QUEUED for c in shown)
    if waiting:
        raise NotAllowed(
            f"{waiting} variants wait for review",
            where=key,
            fix=f"omnimix review list {key}, then omnimix review approve {key} VARIANT … (or --all)",
        )
    if not any(v.brief == BROAD for v in allowed):
        raise Conflict(
            "no broad variant is approved, and broad is what everybody else is measured against",
            where=key,
            fix=f"omnimix review list {key}; approve a broad variant, or change the campaign and run again",
        )
    turned_down = sum(c.status is Status.REJECTED for c in shown)
    return Counts(
        len(shown),
        len(allowed),
        rejected=turned_down,
        unit_in="variants",
        unit_out="variants",
        detail={"approvers": sorted({c.by for c in shown if c.status is Status.APPROVED})},
        output=[v.digest for v in allowed],
    )


def _broad_blocked(machine: Machine, job: Job) -> None:
    """Raise Conflict, with the first reason, when a check holds every broad variant back."""
    key = job.campaign.key
    with machine.ledger() as session:
        broad = [
            c for c in candidates(session, key) if c.variant.brief == BROAD and c.status is not Status.WITHDRAWN
        ]
    if broad and all(c.status is Status.BLOCKED for c in broad):
        first = broad[0].findings[0]
        raise Conflict(
            f"checks hold back every broad variant, for one because of {first.where}: {first.why}",
            where=key,
            fix=f"{first.fix or 'put it right'}; omnimix review list {key} shows the rest",
        )


def approve_variants(
    machine: Machine, campaign: str, names: Sequence[str] | None, *, person: str
) -> tuple[Candidate, ...]:
    """Approve variants in one transaction: the named ones, or with None everything that waits.

    A name may carry the head of the digest that was shown, `VARIANT@DIGEST`; then content that changed since is
    refused. Raises NotFound, NotAllowed, Conflict; nothing is approved then.
    """
    with machine.ledger.begin() as session:
        if names is None:
            names = [c.variant_id for c in candidates(session, campaign) if c.status is Status.QUEUED]
        elif not names:
            raise NotFound("no variant is named", where=campaign, fix="name variants, or use --all")
        done = [_approve(machine, session, campaign, name, person) for name in names]
    with machine.ledger() as session:
        machine.anchor.write(session)
    return tuple(done)


def named(session: Session, campaign: str, name: str) -> Candidate:
    """The candidate called `VARIANT` or `VARIANT@DIGEST`. Raises NotFound, Conflict when it changed since."""
    variant_id, _, head = name.partition("@")
    found = candidate(session, campaign, variant_id)
    if not found.digest.startswith(head):
        raise Conflict(
            "it changed after it was shown",
            where=f"{campaign}/{variant_id}",
            fix=f"omnimix review show {campaign} {variant_id}, and decide on what is there now",
        )
    return found


def _approve(machine: Machine, session: Session, campaign: str, name: str, person: str) -> Candidate:
    shown = named(session, campaign, name)
    return approve(
        session,
        campaign,
        shown.variant_id,
        digest=shown.digest,
        approver=person,
        now=machine.clock(),
        pictures=machine.out,
    )


def approved_of(machine: Machine, job: Job) -> tuple[Variant, ...]:
    """The variants that may be published, to the byte as they were approved."""
    with machine.ledger() as session:
        return approved(session, job.campaign.key, pictures=machine.out)
