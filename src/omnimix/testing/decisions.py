"""Releases, people and requests made up for tests, proofs and benchmarks: everything about them is random.

in   a seed, sizes
out  a Release of V variants in which every hard rule has something to say; States; Requests
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import msgspec
import numpy as np

from omnimix.activation.decide.decision import Request
from omnimix.activation.decide.feature import Feature, FeatureRules, compiled
from omnimix.activation.decide.moment import moment_of
from omnimix.activation.decide.moment import to_bytes as moment_to
from omnimix.activation.decide.pooling import Prior, prior_snapshot
from omnimix.activation.decide.release import Asset, Content, Offer, Placement, Release, Running, named
from omnimix.activation.decide.snapshot import to_bytes as snapshot_to
from omnimix.activation.decide.state import DAY_US, State
from omnimix.activation.experiment.eligibility import Eligibility
from omnimix.activation.experiment.ladder import Ladder, Rung
from omnimix.activation.experiment.lanes import slices
from omnimix.creative.brief.brief import BROAD

NOW_US = 1_790_000_000_000_000  # an instant to decide at: 21 September 2026, 12:53 UTC
SEGMENTS = ("loyal", "new", "lapsed")
PRODUCTS = tuple(f"sku{n}" for n in range(12))
CATEGORIES = ("gifts", "kitchen", "garden")
LANGUAGES, COUNTRIES = ("en", "de"), ("GB", "DE", "FR")
RULES = Eligibility(
    bought_within_days=30,
    impressions_per_day=6,
    impressions_per_week=20,
    campaign_per_day=4,
    campaign_per_week=12,
    channel_per_day=5,
    channel_per_week=15,
    quiet_hours="22-7",
)
PLACEMENTS = {
    "home": Placement(default={"headline": "Welcome"}),
    "banner": Placement(size="leaderboard", slots=2, default={"headline": "See what is new"}),
    "mail": Placement(channel="email", purpose="email"),
}
FEATURES = FeatureRules(
    features={
        "device": Feature(source="context.device", kind="level", levels=("mobile", "desktop", "tablet")),
        "segment": Feature(source="state.segment", kind="level", levels=SEGMENTS),
        "page": Feature(source="context.page", kind="level", levels=("/", "/gifts", "/basket", "/sale")),
        "daypart": Feature(
            source="time.daypart", kind="level", levels=("night", "morning", "afternoon", "evening")
        ),
        "weekend": Feature(source="time.weekend", kind="flag"),
        "seen": Feature(source="state.seen_days", low=0, high=90, log=True),
        "tenure": Feature(source="state.tenure_days", low=0, high=720, log=True),
        "ordered": Feature(source="state.ordered_days", low=0, high=360, log=True),
        "viewed": Feature(source="count.Product Viewed.7", low=0, high=20, log=True),
        "added": Feature(source="count.Product Added.7", low=0, high=5, log=True),
        "clv": Feature(source="trait.clv_minor", low=0, high=20_000, log=True),
        "p_buy": Feature(source="trait.p_buy"),
        **{name: Feature(source=f"category.{name}") for name in CATEGORIES},
    },
    interactions=(("device", "weekend"), ("weekend", "segment")),
)


def release_of(
    *,
    seed: int,
    variants: int = 20,
    campaigns: Sequence[str] = ("autumn",),
    ladder: Ladder | None = None,
    rules: Eligibility = RULES,
    varied: bool = True,
    moment: bool = True,
    now_us: int = NOW_US,
) -> Release:
    """A release of that many variants a campaign. `varied` False: nothing about an offer is ever in the way."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    return named(
        Release(
            release_id="",
            made_us=now_us,
            salt=f"salt {seed}",
            timezone="Europe/London",
            assumed=("measurement", "personalisation"),
            placements=PLACEMENTS,
            campaigns=tuple(
                _running(rng, name, variants, ladder or Ladder(), rules, varied, moment, now_us)
                for name in campaigns
            ),
        )
    )


def _running(
    rng: random.Random,
    campaign: str,
    count: int,
    ladder: Ladder,
    rules: Eligibility,
    varied: bool,
    moment: bool,
    now_us: int,
) -> Running:
    offers = tuple(_offer(rng, campaign, n, varied, now_us) for n in range(count))
    ids, briefs = tuple(o.variant for o in offers), tuple(o.brief for o in offers)
    snapshot = prior_snapshot(
        campaign=campaign,
        now=datetime(2026, 9, 1),  # noqa: DTZ001 - instants are naive UTC
        segments=SEGMENTS,
        variants=ids,
        briefs=briefs,
        steps=tuple(o.step for o in offers),
        prior=Prior(variant_sd=40.0, cell_sd=40.0),
    )
    noise = np.random.default_rng(rng.randrange(1 << 30))
    snapshot = replace(
        snapshot,
        mean=snapshot.mean + noise.normal(0, 30, snapshot.mean.shape),
        promoted=(Rung.MOMENT, Rung.SEGMENT, Rung.BROAD),
    )
    names = compiled(FEATURES).names
    mean = noise.normal(0, 20, (count, len(names)))
    draws = mean + noise.normal(0, 20, (64, count, len(names)))
    return Running(
        campaign=campaign,
        starts_us=now_us - 20 * DAY_US,
        ends_us=now_us + 20 * DAY_US,
        rules=rules,
        slices=slices(ladder),
        offers=offers,
        snapshot=snapshot_to(snapshot),
        moment=moment_to(moment_of(FEATURES, names, ids, mean, draws)) if moment else b"",
        features=FEATURES,
    )


def _offer(rng: random.Random, campaign: str, number: int, varied: bool, now_us: int) -> Offer:
    brief = (BROAD, *SEGMENTS)[number % 4]
    low = float(rng.randrange(300, 4000))
    often = rng.random if varied else lambda: 1.0
    sizes = ("square", "leaderboard") if often() > 0.3 else ("square",)
    return Offer(
        variant=f"{brief}-{campaign}-{number:02d}",
        brief=brief,
        step=number // 4 % 3,
        language="de" if often() < 0.2 else "en",
        countries=("GB", "DE") if often() < 0.3 else (),
        leading=rng.choice(PRODUCTS) if varied else None,
        in_stock=often() > 0.1,
        price_low=low if varied else None,
        price_high=low + rng.randrange(3000) if varied else None,
        approved="" if often() < 0.05 else "approved",
        content=Content(
            headline=f"Offer {number}",
            text="Thoughtful presents, ready to give",
            call_to_action="SHOP_NOW",
            url=f"https://shop.example/{number}",
            assets=tuple(Asset(s, 300, 300, f"creatives/{number}-{s}.png", "A present") for s in sizes),
            subject="A present",
        ),
        starts_us=now_us + rng.randrange(-5, 15) * DAY_US // 10 if often() < 0.2 else 0,
        ends_us=now_us + rng.randrange(0, 30) * DAY_US // 10 if often() < 0.2 else 1 << 62,
    )


def state_of(
    rng: random.Random, person: str, *, campaigns: Sequence[str] = ("autumn",), now_us: int = NOW_US
) -> State:
    """A person; most permit everything, some refuse, some were shown much, some nobody has met."""
    known = rng.random() < 0.9
    low = rng.randrange(200, 6000)
    said = {p: rng.random() for p in ("advertising", "email", "measurement", "personalisation")}
    day = now_us // DAY_US
    return State(
        person=person,
        published_us=now_us - DAY_US if known else 0,
        profile_id=person if known else "",
        segment=rng.choice((*SEGMENTS, "(rest)")) if known else "",
        stage="customer",
        language=rng.choice(("", *LANGUAGES, "en-GB", "fr")),
        country=rng.choice(("", *COUNTRIES)),
        price_low=low if rng.random() < 0.7 else 0,
        price_high=low + rng.randrange(3000) if rng.random() < 0.7 else 0,
        robot=rng.random() < 0.02,
        traits={"clv_minor": rng.random() * 20_000, "p_buy": rng.random(), "p_churn": rng.random()},
        marks=(f"user:{rng.randbytes(16).hex()}",),
        consents={
            f"{p} web": (5, 0, 0, 0) if x < 0.06 else (0, 7, 0, 0)
            for p, x in said.items()
            if x < 0.95 or p in ("measurement", "personalisation")
        },
        suppressed={"email": now_us - DAY_US} if rng.random() < 0.1 else {},
        first_us=now_us - 300 * DAY_US,
        last_us=now_us - rng.randrange(60 * DAY_US),
        counts={"Product Viewed": {day - 1: 3, day: rng.randrange(5)}, "Product Added": {day - 2: 1}},
        views=tuple(
            (now_us - n, n, rng.choice(PRODUCTS), rng.choice(CATEGORIES), 500) for n in range(rng.randrange(8))
        ),
        bought={rng.choice(PRODUCTS): now_us - rng.randrange(90 * DAY_US) for _ in range(rng.randrange(4))},
        engaged={f"loyal-{campaigns[0]}-01": (3, 5, 9, rng.randrange(3), 9)} if rng.random() < 0.3 else {},
        shown={c: {day - n: rng.randrange(1, 4) for n in rng.sample(range(9), 3)} for c in campaigns}
        | {"@web": {day - n: rng.randrange(1, 4) for n in rng.sample(range(9), 2)}}
        if rng.random() < 0.7
        else {},
    )


def request_of(rng: random.Random, *, campaign: str | None = None, slots: int | None = None) -> Request:
    """A call for anybody."""
    context = {
        "device": rng.choice(("mobile", "desktop", "tablet", "")),
        "page": rng.choice(("/", "/gifts", "/basket", "/sale", "/other")),
        "language": rng.choice(("", "", "", "en-GB", "de")),
        "country": rng.choice(("", "", "", "GB", "US")),
    }
    said = {"advertising": rng.random() < 0.5} if rng.random() < 0.1 else {}
    return Request(
        placement=rng.choice(("", "home", "banner", "mail")),
        campaign=campaign,
        context={k: v for k, v in context.items() if v},
        consent=said,
        slots=slots,
    )


def as_json(request: Request, **ids: str) -> bytes:
    """The body of a call for a person with these ids."""
    return msgspec.json.encode(msgspec.structs.replace(request, **ids))
