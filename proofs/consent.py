"""Without consent for a purpose nothing of a person reaches the stages that need it: planted people, every stage.

in   a shop with a crowd that permits everything and one planted person for each combination of purposes, whose
     events, traits and searches carry a mark of their own; consent told by files, by categories and by TCF strings
out  figures

The whole loop runs on it. Then every fact, artifact, ledger table and file that a stage left is searched for the
people who refused its purpose, by profile and by mark; the stages are run again without what the refusers of a
purpose did, and must come to the same; and once with consent ignored, where the search must find them.
"""

import csv
import json
import random
import sqlite3
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import StringIO
from itertools import product
from pathlib import Path

import pyarrow.parquet as pq

from omnimix.activation.decide.decision import Request
from omnimix.activation.experiment.eligibility import Reason
from omnimix.app import KEY_VARIABLE, machine_of, settings_of
from omnimix.cli.workspace import init
from omnimix.core.hashing import digest
from omnimix.flow.campaign import run_campaign, understand_steps
from omnimix.flow.consent import STAGES
from omnimix.flow.decide import decide_for
from omnimix.flow.machine import Job, Machine, Simulation
from omnimix.flow.people import BROAD_ONLY, on_ladder
from omnimix.flow.step import run_steps
from omnimix.governance.consent import Purpose
from omnimix.governance.pseudonym import Pseudonyms
from omnimix.testing.consent import tcf_string
from omnimix.testing.evidence import Figure, at_least, equal

NOW = datetime(2026, 11, 1, 12)
KEY = b64encode(bytes(range(32))).decode()
CROWD = 60
M, P, A, E = Purpose.MEASUREMENT, Purpose.PERSONALISATION, Purpose.ADVERTISING, Purpose.EMAIL

# What each stage leaves behind, and the stage whose purposes it is held to (see flow.consent.STAGES).
FACTS = {
    "feature": "segments", "member": "segments", "membership": "segments", "placement": "segments",
    "value": "value", "assignment": "experiment", "exposure": "experiment", "conversion": "experiment",
}  # fmt: skip
ARTIFACTS = {
    "journey": "journey", "paths": "journey", "comparisons": "journey", "opportunities": "journey",
    "catalysts": "journey", "pain": "pain points", "segment": "segments", "personas": "personas",
    "portrait": "personas", "value": "value", "enrichment": "enrichment", "first/": "experiment",
}  # fmt: skip
CAME_IN = {"event", "order_line", "trait", "consent", "link", "identity_edge", "ingested_line", "automated",
           "robot", "product", "declared_product", "spend"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted person: what they permit, and the word that marks everything they did."""

    number: int
    permits: frozenset[Purpose]
    how: str  # file, category, tcf, gpc …

    @property
    def user(self) -> str:
        """Their customer number."""
        return f"planted-{self.number:02d}"

    @property
    def mark(self) -> str:
        """A word that nothing else in the shop has."""
        return f"zq{self.number:02d}xv"


def planted() -> list[Planted]:
    """One a combination, told by file and by category; those a TCF string can say, by string; GPC besides."""
    made: list[Planted] = []
    for how in ("file", "category", "tcf"):
        for chosen in product((False, True), repeat=4):  # refusers first: the map names the first of equals
            permits = frozenset(p for p, yes in zip(Purpose, chosen, strict=True) if yes)
            if how != "tcf" or E not in permits:
                made.append(Planted(len(made), permits, how))
    made.append(Planted(len(made), frozenset({M, P, E}), "gpc after a yes"))
    made.append(Planted(len(made), frozenset({M, P, A, E}), "gpc before a yes"))
    return made


def lay_out(root: Path, people: list[Planted], *, without: Purpose | None = None) -> None:
    """The workspace. `without`: what the refusers of that purpose did is left out, their answers are not."""
    with redirect_stdout(StringIO()):
        init(root, json=True)
    text = (root / "omnimix.toml").read_text()
    text = text.replace("# as_of = 2026-11-01", "as_of = 2026-11-01 #").replace("min_size = 50", "min_size = 10")
    (root / "omnimix.toml").write_text(text + SOURCES)
    brand = (root / "brand.toml").read_text()
    for old, new in BRAND:
        brand = brand.replace(old, new)
    (root / "brand.toml").write_text(brand)
    acting = [p for p in people if without is None or without in p.permits]
    _orders(root, acting)
    _events(root, people, acting)
    _profiles(root, people, acting)
    _write(root / "data/products.csv", [
        {"product_id": p, "name": n, "category": c, "price": price, "margin_share": 0.5, "in_stock": "yes"}
        for p, n, c, price in PRODUCTS
    ])  # fmt: skip


PRODUCTS = (
    ("A1", "Blue enamel mug", "Kitchen", "8.50"), ("A2", "White china teapot", "Kitchen", "24.00"),
    ("B1", "Beeswax pillar candle", "Candles", "9.00"), ("B2", "Glass tealight holder", "Candles", "4.50"),
    ("C1", "Striped cotton cushion", "Home", "18.00"), ("C2", "Willow log basket", "Home", "32.00"),
)  # fmt: skip
SOURCES = """
[sources.orders]
path = "data/orders.csv"
holds = "orders"
preset = "order_lines"
currency = "GBP"

[sources.products]
path = "data/products.csv"
holds = "products"
currency = "GBP"

[sources.web]
path = "data/events.jsonl"
preset = "segment_jsonl"
currency = "GBP"

[sources.crm]
path = "data/profiles.csv"
holds = "profiles"
properties = ["hobby"]
[sources.crm.columns]
user_id = "customer"
observed_at = "seen"
[sources.crm.consent]
measurement = "may_measure"
personalisation = "may_personalise"
advertising = "may_advertise"
email = "may_write"
"""
BRAND = (
    ('postal_address = ""', 'postal_address = "My shop, 1 High Street, Anytown"'),
    ('unsubscribe_url = ""', 'unsubscribe_url = "https://www.example.com/unsubscribe"'),
    ('sender = ""', 'sender = "My shop <hello@example.com>"'),
)


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _orders(root: Path, acting: list[Planted]) -> None:
    rng, rows = random.Random(5), []
    for user in (*(f"crowd-{n:03d}" for n in range(CROWD)), *(p.user for p in acting)):
        own = random.Random(user) if user.startswith("planted") else rng
        for order in range(own.randint(1, 4)):
            at = NOW - timedelta(days=own.randint(2, 250), hours=own.randint(1, 9))
            sku, name, _category, price = own.choice(PRODUCTS)
            mark = user if user.startswith("crowd") else next(p.mark for p in acting if p.user == user)
            rows.append({"order_id": f"{mark}-{order}", "product_id": sku, "description": name,
                         "quantity": 90 if user.startswith("planted") else own.randint(1, 3),
                         "occurred_at": at.isoformat(sep=" "), "unit_price": price, "user_id": user,
                         "country": "GB"})  # fmt: skip
    _write(root / "data/orders.csv", rows)


def _event(user: str, number: int, name: str, at: datetime, **properties: object) -> dict[str, object]:
    page = {"path": str(properties.pop("path", "/")), "url": "https://shop.example/"}
    context = {"page": page, "device": {"type": "mobile"}, "consent": properties.pop("consent", {})}
    return {"messageId": f"{user}-{number}", "type": "track", "userId": user, "event": name,
            "timestamp": at.isoformat() + "Z", "properties": properties, "context": context}  # fmt: skip


def _events(root: Path, people: list[Planted], acting: list[Planted]) -> None:
    rng, rows = random.Random(6), []
    for n in range(CROWD):
        user = f"crowd-{n:03d}"
        for visit in range(rng.randint(1, 3)):
            at = NOW - timedelta(days=rng.randint(3, 90), minutes=rng.randint(0, 600))
            for step, name in enumerate(
                ("Product Viewed", "Product Added", "Checkout Started")[: rng.randint(1, 3)]
            ):
                more = {"product_id": rng.choice(PRODUCTS)[0]}
                rows.append(_event(user, 10 * visit + step, name, at + timedelta(minutes=step), **more))
        said = {"categoryPreferences": {str(p): True for p in Purpose}}
        rows.append({**_event(user, 900, "", NOW - timedelta(days=200), consent=said), "type": "identify"})
    for person in acting:
        for day in range(2, 30, 3):
            at, mark = NOW - timedelta(days=day), person.mark
            rows.append(_event(person.user, day, f"{mark} Tapped", at, path=f"/{mark}"))
            rows.append(_event(person.user, 100 + day, "Products Searched", at, query=f"{mark} lantern"))
            rows.append(_event(person.user, 200 + day, "Payment Failed", at, path=f"/{mark}/pay"))
    for person in people:
        for number, (at, consent) in enumerate(_answers(person)):
            rows.append({**_event(person.user, 900 + number, "", at, consent=consent), "type": "identify"})
    (root / "data").mkdir(exist_ok=True)
    (root / "data/events.jsonl").write_text("\n".join(json.dumps(r) for r in rows) + "\n")


def _answers(person: Planted) -> Iterator[tuple[datetime, dict[str, object]]]:
    """What the person's clients said of consent, and when."""
    first, later = NOW - timedelta(days=200), NOW - timedelta(days=1)
    wanted: dict[str, object] = {str(p): p in person.permits for p in Purpose}
    everything: dict[str, object] = {str(p): True for p in Purpose}
    if person.how == "category":
        yield first, {"categoryPreferences": everything}
        yield later, {"categoryPreferences": wanted}
    elif person.how == "tcf":
        parts = {M: (1, 8, 9), P: (1, 5, 6), A: (1, 2, 3, 4, 7)}
        yield first, {"tcf": tcf_string(range(1, 12), at=first)}
        yield later, {"tcf": tcf_string({n for p in person.permits for n in parts[p]}, at=later)}
    elif person.how == "gpc after a yes":
        yield first, {"categoryPreferences": everything}
        yield first + timedelta(days=50), {"gpc": True}
        yield later, {"categoryPreferences": everything}  # the old yes, sent again
    elif person.how == "gpc before a yes":
        yield first, {"gpc": True}
        yield later, {"categoryPreferences": everything, "decidedAt": later.isoformat() + "Z"}


def _profiles(root: Path, people: list[Planted], acting: list[Planted]) -> None:
    names = dict(zip(Purpose, ("may_measure", "may_personalise", "may_advertise", "may_write"), strict=True))
    rows = [
        {"customer": p.user, "seen": "2026-10-01 10:00:00", "hobby": f"{p.mark} hobby" if p in acting else ""}
        | {
            column: ("yes" if why in p.permits else "no") if p.how == "file" else ""
            for why, column in names.items()
        }
        for p in people
    ]
    _write(root / "data/profiles.csv", rows)


@contextmanager
def opened(root: Path, *, ignoring: bool = False) -> Iterator[tuple[Machine, Job]]:
    """The workspace's machine and its campaign, in a small market; `ignoring`: with everything permitted."""
    settings = settings_of(root, {})
    # One key for every shop: profiles are named by it, and samples are drawn by profile.
    with machine_of(settings, {KEY_VARIABLE: KEY}, clock=lambda: NOW) as machine:
        job = settings.job("first")
        campaign = replace(job.campaign, channels=("google_ads_editor", "email_files"))
        job = replace(job, campaign=campaign, simulator=Simulation(people=600, weeks=1, seed=3))
        if ignoring:
            machine = replace(machine, consent_assumed=tuple(Purpose))
        yield machine, job


def profiles(machine: Machine, people: list[Planted]) -> dict[str, Planted]:
    """Profile id → planted person."""
    names, links = Pseudonyms(machine.key), machine.warehouse.arrow(machine.warehouse.table("link")).to_pylist()
    known = {r["key"]: r["profile_id"] for r in links}
    return {known[names.of("user", p.user)]: p for p in people}


def left(machine: Machine) -> Iterator[tuple[str, str, str]]:
    """(stage, what it left, its text) for everything that any stage left behind."""
    for folder in sorted((machine.root / ".omnimix/facts").iterdir()):
        if folder.name not in CAME_IN:
            for file in sorted(folder.rglob("*.parquet")):
                yield FACTS[folder.name], f"fact {folder.name}", str(pq.read_table(file).to_pylist())
    for file in sorted((machine.root / ".omnimix/artifacts").rglob("*.json")):
        name = file.relative_to(machine.root / ".omnimix/artifacts").as_posix()
        stage = next(s for start, s in ARTIFACTS.items() if name.startswith(start))
        yield stage, f"artifact {name}", file.read_text()
    with sqlite3.connect(machine.root / ".omnimix/ledger.sqlite") as ledger:
        for (table,) in ledger.execute(
            "select name from sqlite_master where type = 'table' order by name"
        ).fetchall():
            if table not in ("quarantine",) and not table.startswith(("link_", "profile_", "identity", "merge")):
                yield "experiment", f"table {table}", str(ledger.execute(f"select * from {table}").fetchall())
    for file in sorted(p for p in machine.out.rglob("*") if p.is_file()):
        stage = "journey" if file.stem in ("journey", "report") else "experiment"  # the report shows the map
        yield stage, f"file {file.relative_to(machine.out)}", file.read_bytes().decode("utf-8", "ignore")


def leaks(machine: Machine, people: Mapping[str, Planted]) -> set[tuple[str, int, str]]:
    """(what, person, stage) wherever a refuser of a stage's purpose is found, by profile id or by mark."""
    return {
        (what, person.number, stage)
        for stage, what, text in left(machine)
        for profile, person in people.items()
        if not person.permits.issuperset(STAGES[stage]) and (profile in text or person.mark in text.lower())
    }


def present(machine: Machine, people: Mapping[str, Planted]) -> dict[str, int]:
    """Stage → planted people who are found in what it left."""
    found: dict[str, set[int]] = {}
    for stage, _what, text in left(machine):
        here = {p.number for profile, p in people.items() if profile in text or p.mark in text.lower()}
        found.setdefault(stage, set()).update(here)
    return {stage: len(who) for stage, who in found.items()}


def answers(machine: Machine, job: Job, people: Mapping[str, Planted]) -> int:
    """People who are not answered as they permit when an ad is to be chosen for them."""
    wrong = 0
    for profile, person in people.items():
        (made,) = decide_for(machine, Request(profile_id=profile, campaign=job.campaign.key, slots=1))
        log = made.decided
        if Reason.NO_CONSENT in dict(log.against):
            wrong += A in person.permits
            continue
        fits = A in person.permits and bool(log.person) == (M in person.permits)
        fits = fits and (P in person.permits or "broad" in (log.variant or "broad") or log.segment == BROAD_ONLY)
        wrong += not fits
    return wrong


def misplaced(machine: Machine, job: Job, people: Mapping[str, Planted]) -> int:
    """Planted people who are on the ladder, or in a segment of it, against what they permit."""
    wrong = 0
    for purpose in (A, E):
        eligibility = replace(job.eligibility, purpose=str(purpose))
        rows = machine.warehouse.arrow(on_ladder(machine, replace(job, eligibility=eligibility))).to_pylist()
        there = {r["profile_id"]: r["segment"] for r in rows}
        for profile, person in people.items():
            wrong += (profile in there) != (person.permits >= {M, purpose})
            wrong += profile in there and (there[profile] == BROAD_ONLY) != (P not in person.permits)
    return wrong


def outcome(machine: Machine, purpose: Purpose) -> dict[str, str]:
    """Digest of everything that stages which read for `purpose` alone left behind, by its name."""
    return {what: digest(text) for stage, what, text in left(machine) if STAGES[stage] == (purpose,)}


def understood(root: Path, people: list[Planted], *, without: Purpose | None = None) -> dict[str, dict[str, str]]:
    """Stages 1 and 2 run on the shop: purpose → what the stages that read for it came to."""
    lay_out(root, people, without=without)
    with opened(root) as (machine, _job):
        steps = understand_steps(machine)
        list(run_steps("understand", steps, ledger=machine.ledger, clock=machine.clock))
        return {str(p): outcome(machine, p) for p in (M, P)}


def figures() -> Iterator[Figure]:
    """The search, the repetition without refusers, and the search where consent is ignored."""
    people = planted()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "shop"
        lay_out(root, people)
        with opened(root) as (machine, job):
            steps = {r.name: r for r in run_campaign(machine, job, approver="anna")}
            who = profiles(machine, people)
            found = leaks(machine, who)
            yield equal(f"refusers in what {len(steps)} steps left", len(found), 0)
            there = present(machine, who)
            yield at_least("consenters whose marks the map shows", there["journey"], 1)
            for stage in ("segments", "value", "experiment"):
                wanted = sum(p.permits >= set(STAGES[stage]) for p in people)
                yield equal(f"consenters found in {stage}", there[stage], wanted)
            yield equal("people on a ladder against their consent", misplaced(machine, job, who), 0)
            some = {profile: p for profile, p in who.items() if p.how not in ("category", "tcf")}
            yield equal("ads chosen against consent", answers(machine, job, some), 0)
            yield equal("refusers in decisions as logged", len(leaks(machine, who)), 0)
        yield from _without_them(Path(folder), people)
        yield from _ignored(Path(folder), people)


def _without_them(folder: Path, people: list[Planted]) -> Iterator[Figure]:
    whole = understood(folder / "whole", people)
    for purpose in (M, P):
        less = understood(folder / f"less-{purpose}", people, without=purpose)
        same = [what for what, text in whole[str(purpose)].items() if less[str(purpose)].get(what) == text]
        name = f"outcomes that refusers of {purpose} change"
        yield equal(name, len(whole[str(purpose)]) - len(same), 0)


def _ignored(folder: Path, people: list[Planted]) -> Iterator[Figure]:
    root = folder / "ignored"
    lay_out(root, people)
    for file in ("data/profiles.csv",):
        text = (root / file).read_text()
        (root / file).write_text(text.replace(",no", ","))
    events = [json.loads(line) for line in (root / "data/events.jsonl").read_text().splitlines()]
    (root / "data/events.jsonl").write_text(
        "\n".join(json.dumps({**e, "context": {**e["context"], "consent": {}}}) for e in events)
    )
    with opened(root, ignoring=True) as (machine, job):
        list(run_campaign(machine, job, approver="anna"))
        found = leaks(machine, profiles(machine, people))
    stages = {stage for _what, _who, stage in found}
    caught = {s: len({person for _what, person, where in found if where == s}) for s in stages}
    yield at_least("consent ignored: refusers whose marks the map shows", caught.get("journey", 0), 1)
    for stage in ("segments", "value", "experiment"):
        yield at_least(f"consent ignored: refusers caught in {stage}", caught.get(stage, 0), 20)
