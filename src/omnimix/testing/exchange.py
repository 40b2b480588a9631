"""A small ad exchange for tests, proofs and benchmarks: requests, auctions, notices, an invoice, and a release.

in   a bidder's address, a seed
out  an Exchange that asks, decides who wins, tells the bidder and remembers what it bills; made-up requests;
     a workspace whose campaigns bid

Everything here is simulated. Rivals bid by a log-logistic law, so that what a bid wins is known.
"""

import http.client
import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import exp, log
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from omnimix.activation.decide.feature import Feature, FeatureRules, compiled
from omnimix.activation.decide.moment import moment_of
from omnimix.activation.decide.moment import to_bytes as moment_bytes
from omnimix.activation.decide.pacing import Pace, Way
from omnimix.activation.decide.release import (
    FOLDER,
    Asset,
    Content,
    Offer,
    Placement,
    Release,
    Running,
    named,
    point,
    save,
)
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.decide.snapshot import to_bytes as snapshot_bytes
from omnimix.activation.experiment.eligibility import Eligibility
from omnimix.activation.experiment.ladder import Ladder, Rung
from omnimix.activation.experiment.lanes import slices

EXCHANGE_KEY = "exchange-key-of-a-test-0001"
SIZES = ((300, 250), (728, 90), (160, 600), (1200, 628), (1080, 1080))
_PLACEMENT = "exchange"
_STARTS_US, _ENDS_US = 1_577_836_800_000_000, 4_102_444_800_000_000  # 2020, 2100
TABLES = """[placements.exchange]
channel = "display"
[bid]
pictures = "https://cdn.shop.example/out"
margin_per_thousand = "5.00"
rates = {{ USD = "1.25" }}
{lines}
[bid.exchanges.demo]
key = "{key}"
seat = "omnimix"
click_macro = "$${{CLICK_URL}}"
{exchange}
"""


def tables(lines: str = "", exchange: str = "") -> str:
    """`[bid]` for a test workspace: further keys of it, and of its one exchange."""
    return TABLES.format(lines=lines, exchange=exchange, key=EXCHANGE_KEY)


def publish_made_up(
    root: Path,
    *,
    variants: int = 20,
    features: int = 0,
    daily: int = 10_000_000_000,
    rules: Eligibility = Eligibility(impressions_per_week=0),  # noqa: B008 - frozen
    ladder: Ladder = Ladder(),  # noqa: B008
    seed: int = 1,
) -> Release:
    """Publish a release of one campaign in a workspace. `daily`: its budget in micros."""
    names = tuple(f"broad-angle{i}-{i:08x}" for i in range(variants))
    rng = np.random.default_rng(seed)
    offers = tuple(_offer(name) for name in names)
    running = Running(
        campaign="spring",
        starts_us=_STARTS_US,
        ends_us=_ENDS_US,
        rules=rules,
        slices=slices(ladder),
        offers=offers,
        snapshot=snapshot_bytes(_snapshot(names, rng)),
        moment=_moment(names, features, rng) if features else b"",
        pace=Pace("spring", daily=daily, way=Way.AT_ONCE),
    )
    release = named(
        Release(
            release_id="",
            made_us=_STARTS_US,
            salt="omnimix",
            timezone="UTC",
            assumed=("measurement", "personalisation", "advertising"),
            placements={_PLACEMENT: Placement(channel="display")},
            campaigns=(running,),
        )
    )
    folder = root / ".omnimix" / FOLDER
    save(release, folder)
    point(folder, release.release_id)
    return release


def _offer(name: str) -> Offer:
    pictures = tuple(Asset(f"{w}x{h}", w, h, f"spring/{name}/{w}x{h}.png", "A mug") for w, h in SIZES)
    content = Content(
        headline="A mug for mornings",
        text="Stoneware, made to last",
        call_to_action="SHOP_NOW",
        url="https://shop.example/mug?utm_campaign=spring",
        assets=pictures,
    )
    return Offer(
        variant=name,
        brief="broad",
        step=0,
        language="en-GB",
        countries=(),
        leading=None,
        in_stock=True,
        price_low=None,
        price_high=None,
        approved="0" * 64,
        content=content,
    )


def _snapshot(names: tuple[str, ...], rng: np.random.Generator) -> Snapshot:
    count = len(names)
    return Snapshot(
        snapshot_id="snap",
        campaign="spring",
        made_at=datetime.fromisoformat("2026-01-01"),
        segments=("s0", "s1"),
        variants=names,
        briefs=("broad",) * count,
        steps=(0,) * count,
        mean=rng.normal(1.0, 0.2, (2, count)),
        covariance=np.tile(0.05 * np.eye(count), (2, 1, 1)),
        promoted=(Rung.BROAD, Rung.MOMENT),
    )


def _moment(names: tuple[str, ...], features: int, rng: np.random.Generator) -> bytes:
    """A model of the hour of the day and made-up flags; about one minor unit of margin a decision."""
    declared = {f"f{i:02d}": Feature(source=f"context.f{i}", kind="flag") for i in range(features - 1)}
    rules = FeatureRules(features=declared, interactions=())
    columns = compiled(rules).names
    mean = rng.normal(0, 0.05, (len(names), len(columns)))
    mean[:, 0] += 1.0
    draws = mean + rng.normal(0, 0.1, (64, *mean.shape))
    return moment_bytes(moment_of(rules, columns, names, mean, draws))


@dataclass(frozen=True)
class Rivals:
    """What others bid: the best of them is log-logistic, `middle` CPM."""

    middle: float = 2.0
    slope: float = 3.0

    def best(self, rng: random.Random) -> Decimal:
        """The best rival's bid, CPM, to four decimals."""
        chance = min(max(rng.random(), 1e-9), 1 - 1e-9)
        price = exp(log(self.middle) + log(chance / (1 - chance)) / self.slope)
        return Decimal(f"{price:.4f}")


@dataclass
class Exchange:
    """An exchange that asks one bidder. `invoice`: what it bills, CPM by bid."""

    port: int
    seed: int = 1
    rivals: Rivals = Rivals()
    invoice: dict[str, Decimal] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    won: int = 0
    lost: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 - not for secrets
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Send a bid request; the response, None for none."""
        path = f"/openrtb2/bid?key={EXCHANGE_KEY}"
        headers = {"content-type": "application/json", "x-openrtb-version": "2.6"}
        self._connection.request("POST", path, json.dumps(request).encode(), headers)
        answer = self._connection.getresponse()
        body = answer.read()
        self.statuses[answer.status] += 1
        return json.loads(body) if answer.status == 200 and body else None

    def auction(self, request: Mapping[str, Any], response: Mapping[str, Any] | None, *, at: int = 1) -> list[str]:
        """Hold the auctions of a response's bids; the notices that are to be called, in order."""
        calls = []
        for seat in (response or {}).get("seatbid") or ():
            for bid in seat["bid"]:
                imp = next(i for i in request["imp"] if i["id"] == bid["impid"])
                calls += self._sold(request, imp, bid, str((response or {}).get("cur", "USD")), seat, at)
        return calls

    def _sold(self, request: Any, imp: Any, bid: Any, currency: str, seat: Any, at: int) -> list[str]:
        price = Decimal(repr(bid["price"]))
        rival = max(self.rivals.best(self.rng), Decimal(str(imp.get("bidfloor") or 0)))
        said = {
            "AUCTION_ID": request["id"],
            "AUCTION_BID_ID": "",
            "AUCTION_IMP_ID": imp["id"],
            "AUCTION_SEAT_ID": seat.get("seat", ""),
            "AUCTION_AD_ID": bid.get("adid", ""),
            "AUCTION_CURRENCY": currency,
            "AUCTION_MIN_TO_WIN": str(rival),
            "AUCTION_LOSS": "0",
        }
        if price <= rival:
            self.lost += 1
            said |= {"AUCTION_PRICE": "", "AUCTION_LOSS": "102"}
            return [filled(bid["lurl"], said)]
        self.won += 1
        clearing = price if at == 1 else rival
        said["AUCTION_PRICE"] = str(clearing)
        self.invoice[bid["id"]] = clearing
        return [filled(bid["nurl"], said), filled(bid["burl"], said)]

    def call(self, url: str) -> int:
        """Call a notice at the bidder's port, whatever host it names; the status."""
        parts = urlsplit(url)
        self._connection.request("GET", f"{parts.path}?{parts.query}")
        answer = self._connection.getresponse()
        answer.read()
        self.statuses[answer.status] += 1
        return answer.status

    def forget(self, response: Mapping[str, Any] | None) -> str | None:
        """Bill nothing for a response of one bid; the bid's id."""
        for seat in (response or {}).get("seatbid") or ():
            for bid in seat["bid"]:
                self.invoice.pop(bid["id"], None)
                return str(bid["id"])
        return None

    def reconnect(self) -> None:
        """Call on a new connection, after the bidder was away."""
        self._connection.close()

    @property
    def billed(self) -> Decimal:
        """The sum of the invoice, in units of the currency."""
        return sum(self.invoice.values(), Decimal(0)) / 1000

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()


def filled(url: str, said: Mapping[str, str]) -> str:
    """A notice with its macros filled in."""
    for name, value in said.items():
        url = url.replace(f"${{{name}}}", value)
    return url


def made_up_request(rng: random.Random, number: int, **fields: Any) -> dict[str, Any]:
    """A request as exchanges send them, of about 1.5 kB: a banner or native place, a page, a device, a person."""
    imp: dict[str, Any] = {
        "id": "1",
        "bidfloor": rng.choice((0, 0.1, 0.5)),
        "secure": 1,
        "tagid": f"t{number % 50}",
    }
    if rng.random() < 0.2:
        assets = [
            {"id": 1, "required": 1, "title": {"len": 90}},
            {"id": 2, "required": 1, "img": {"type": 3, "wmin": 300, "hmin": 157}},
            {"id": 3, "data": {"type": 1, "len": 25}},
        ]
        imp["native"] = {"request": json.dumps({"ver": "1.2", "assets": assets}), "ver": "1.2"}
    else:
        width, height = rng.choice(SIZES[:3])
        imp["banner"] = {"format": [{"w": width, "h": height}], "pos": rng.randint(0, 3), "api": [3, 5]}
    person = f"a-{rng.randrange(100_000):06d}"
    request = {
        "id": f"{number:08x}-{rng.randrange(1 << 32):08x}",
        "imp": [imp],
        "site": {
            "id": f"s{number % 200}",
            "domain": "news.example",
            "page": f"https://news.example/a/{number % 1000}?q=1",
            "publisher": {"id": "p1", "domain": "news.example"},
            "content": {"language": "en"},
        },
        "device": {
            "ua": f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{100 + number % 30}.0 Safari/537.36",
            "ip": "192.0.2.1",
            "geo": {"country": "USA", "region": "CA"},
            "devicetype": rng.choice((2, 4, 5)),
            "language": "en",
        },
        "user": {
            "id": f"x{rng.randrange(10**9)}",
            "buyeruid": person,
            "eids": [{"source": "id.example", "uids": [{"id": person, "atype": 1}]}],
        },
        "regs": {"us_privacy": "1YNN", "ext": {"gdpr": 0}},
        "source": {"schain": {"complete": 1, "ver": "1.0", "nodes": [{"asi": "x.example", "sid": "1", "hp": 1}]}},
        "at": 1,
        "tmax": 300,
        "cur": ["GBP", "USD"],
        "bcat": ["IAB25", "IAB26", "IAB7-39"],
        "badv": ["rival.example"],
    }
    return request | fields
