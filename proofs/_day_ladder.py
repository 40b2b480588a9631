"""A simulated day on the ladder: through everything that serves, or in bulk for the intervals.

in   a MomentMarket, its visits, a Ladder; a Pace and an online store, or which visits take part
out  Lived: what every visit was shown, whom the budget let take part
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.budget import Counter, key_of, read_counter
from omnimix.activation.decide.choice import choose_many, ready
from omnimix.activation.decide.decide import DICE
from omnimix.activation.decide.decision import Request
from omnimix.activation.decide.moment import chances_many
from omnimix.activation.decide.moment import to_bytes as moment_bytes
from omnimix.activation.decide.pacing import Pace
from omnimix.activation.decide.purse import Purse
from omnimix.activation.decide.release import Content, Offer, Placement, Release, Running, named
from omnimix.activation.decide.serving import Serving, serving
from omnimix.activation.decide.snapshot import to_bytes as snapshot_bytes
from omnimix.activation.decide.state import State, packed, state_key
from omnimix.activation.decide.turn import Named, take_turn
from omnimix.activation.experiment.eligibility import Codes, Eligibility, Reason, allowed
from omnimix.activation.experiment.ladder import FOLLOW, Ladder, Rung
from omnimix.activation.experiment.lanes import lanes, slices
from omnimix.store.online.port import Change, OnlineStore
from omnimix.testing.moments import DAY, DEVICES, PAGES, SECOND, TRAITS, MomentMarket, Visits
from proofs._day_mind import BLIND, CAMPAIGN, STARTS, Mind, vectors
from proofs._day_rivals import EVERY_US, Heard

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

SALT = "proof of a day"
STARTS_US = int(STARTS.timestamp()) * SECOND
TICK_US = 60 * SECOND  # requests of a minute are decided together
LEARN_EVERY = 2  # stretches: the sums grow every half hour, the model is fitted from them every hour
STRETCHES = DAY // EVERY_US


@dataclass(frozen=True, slots=True)
class Lived:
    """A day as it went. Arrays are by visit."""

    shown: IntArray  # variant, -1: nothing
    takes_part: BoolArray  # whether the budget lets the visit take part
    models: int  # how many were published
    counter: Counter | None = None  # of the budget


def lanes_of(market: MomentMarket, ladder: Ladder) -> list[str]:
    """The lane of each person."""
    return lanes([_name(p) for p in range(len(market.crowd.segment))], ladder, salt=SALT)


def live(market: MomentMarket, visits: Visits, *, ladder: Ladder, pace: Pace, store: OnlineStore) -> Lived:
    """The day through what serves: release, states and journal in the store, hard rules, leases, choice."""
    day = _Day(market, visits, ladder=ladder, pace=pace, store=store)
    purse = Purse(store, "worker", {CAMPAIGN: pace})
    rng = np.random.default_rng([market.seed, 7])
    now = day.release(-1)
    heard = Heard(market, visits)
    for stretch, start, stop in _stretches(visits):
        for first, last, at_us in _ticks(visits, stretch):
            day.tick(now, first, last, at_us, purse, rng)
        store.cut(stop)  # every decision is one entry of the journal
        if _learnt(day.mind, heard, stretch, start, stop):
            now = day.release(stretch)
    purse.close(STARTS_US + DAY - 1)
    counter = read_counter(store.read([key_of(CAMPAIGN)])[0])
    return Lived(day.mind.shown, day.takes_part, day.mind.models, counter)


def live_in_bulk(market: MomentMarket, visits: Visits, *, ladder: Ladder, takes_part: BoolArray) -> Lived:
    """The same ladder, rules, model and learning, without store and release: half an hour is decided at once."""
    mind, rng = Mind(market, visits), np.random.default_rng([market.seed, 7])
    mind.x[:] = vectors(market, visits)
    lane = np.array(lanes_of(market, ladder))[visits.person]
    mind.blind[:] = np.isin(lane, list(BLIND))
    state = ready(mind.snapshot(-1))
    heard = Heard(market, visits)
    for stretch, start, stop in _stretches(visits):
        part = slice(start, stop)
        codes = np.where(market.crowd.allowed[visits.person[part]], 0, Reason.BOUGHT.value).astype(np.uint32)
        codes |= np.where(takes_part[part], 0, Reason.BUDGET.value).astype(np.uint32)[:, None]
        for s, segment in enumerate(mind.segments):
            for name in np.unique(lane[part]).tolist():
                rows = np.nonzero((mind.segment[part] == s) & (lane[part] == name))[0]
                personal = name in (Rung.MOMENT, FOLLOW) and mind.moment is not None
                if personal and len(rows):
                    mind.shown[start + rows] = _by_moment(mind, s, start + rows, codes[rows], rng)
                else:
                    zero = np.zeros(len(rows), dtype=np.int64)
                    made = choose_many(
                        state, segment, codes[rows], lane=name, draws=rng.random(len(rows)), steps=zero
                    )
                    mind.shown[start + rows] = made.column
        if _learnt(mind, heard, stretch, start, stop):
            state = ready(mind.snapshot(stretch))
    return Lived(mind.shown, takes_part, mind.models)


def _by_moment(mind: Mind, segment: int, rows: IntArray, codes: Codes, rng: np.random.Generator) -> IntArray:
    assert mind.moment is not None
    pool = (mind.market.brief < 0) | (mind.market.brief == segment)
    fit = allowed(codes, Rung.MOMENT) & pool
    upto = chances_many(mind.moment, mind.x[rows], fit).cumsum(axis=1)
    column = (upto <= rng.random(len(rows))[:, None] * upto[:, -1:]).sum(axis=1)
    return np.where(fit.any(axis=1), np.minimum(column, len(pool) - 1), -1)


def _stretches(visits: Visits) -> Iterator[tuple[int, int, int]]:
    edges = np.searchsorted(visits.at_us, np.arange(STRETCHES + 1) * EVERY_US).tolist()
    for stretch, (start, stop) in enumerate(pairwise(edges)):
        yield stretch, start, stop


def _learnt(mind: Mind, heard: Heard, stretch: int, start: int, stop: int) -> bool:
    """Take in a stretch and what is known at its end. Whether there is something new to publish."""
    mind.decided(stretch, start, stop)
    heard.add(start, stop, mind.shown[start:stop])
    mind.heard(*heard.upto((stretch + 1) * EVERY_US))
    due = (stretch + 1) % LEARN_EVERY == 0 and stretch + 1 < STRETCHES
    if due:
        mind.learn(stretch)
    return due


def _ticks(visits: Visits, stretch: int) -> Iterator[tuple[int, int, int]]:
    edges = np.arange(stretch * EVERY_US, (stretch + 1) * EVERY_US + 1, TICK_US)
    places = pairwise(np.searchsorted(visits.at_us, edges).tolist())
    for at_us, (start, stop) in zip(edges[:-1].tolist(), places, strict=True):
        yield start, stop, at_us


class _Day:
    """What a server would hold."""

    def __init__(
        self, market: MomentMarket, visits: Visits, *, ladder: Ladder, pace: Pace, store: OnlineStore
    ) -> None:
        self.market, self.visits, self.pace, self.store = market, visits, pace, store
        self.mind = Mind(market, visits)
        self.takes_part = np.zeros(len(visits), dtype=np.bool_)
        self._slices = slices(ladder)
        self._people = [_name(p) for p in range(len(market.crowd.segment))]
        self._requests = {
            (d, p, c): Request(
                placement="web", context={"device": device, "page": page, "category": f"category-{c}"}
            )
            for d, device in enumerate(DEVICES)
            for p, page in enumerate(PAGES)
            for c in range(market.truth.categories)
        }
        self._publish_people()

    def _publish_people(self) -> None:
        """Everybody's standing state, as a run publishes it."""
        crowd, segments = self.market.crowd, self.mind.segments
        segment, traits = crowd.segment.tolist(), crowd.traits.tolist()
        for start in range(0, len(self._people), 10_000):
            states: dict[bytes, bytes | None] = {}
            for p in range(start, min(start + 10_000, len(self._people))):
                name, has = self._people[p], np.nonzero(~crowd.allowed[p])[0].tolist()
                states[state_key(name)] = packed(
                    State(
                        person=name,
                        profile_id=name,
                        published_us=STARTS_US,
                        segment=segments[segment[p]],
                        traits=dict(zip(TRAITS, traits[p], strict=True)),
                        bought={f"product-{v}": STARTS_US - DAY for v in has},
                    )
                )
            self.store.change([], lambda _, made=states: Change(made))

    def release(self, stretch: int) -> Serving:
        """What is known after a stretch, published."""
        mind = self.mind
        running = Running(
            campaign=CAMPAIGN,
            starts_us=STARTS_US,
            ends_us=STARTS_US + DAY,
            rules=Eligibility(impressions_per_week=0),
            slices=self._slices,
            offers=tuple(
                _offer(v, name, brief, step)
                for v, (name, brief, step) in enumerate(zip(mind.variants, mind.briefs, mind.steps, strict=True))
            ),
            snapshot=snapshot_bytes(mind.snapshot(stretch)),
            moment=moment_bytes(mind.moment) if mind.moment else b"",
            features=mind.rules,
            pace=self.pace,
        )
        made = Release(
            release_id="",
            made_us=STARTS_US,
            salt=SALT,
            timezone="UTC",
            assumed=("measurement", "personalisation", "advertising"),
            placements={"web": Placement()},
            campaigns=(running,),
        )
        return serving(named(made))

    def tick(
        self, now: Serving, start: int, stop: int, at_us: int, purse: Purse, rng: np.random.Generator
    ) -> None:
        """Decide a minute's requests in one turn of the store."""
        now_us, visits, mind, count = STARTS_US + at_us, self.visits, self.mind, stop - start
        chance = purse.chance(CAMPAIGN, now_us)
        if not count:
            return
        names = ("person", "device", "page", "category")
        asked = zip(*(getattr(visits, n)[start:stop].tolist() for n in names), strict=True)
        wanted = [Named(self._requests[d, p, c], (self._people[who],), "web") for who, d, p, c in asked]
        dice = rng.bytes(DICE * count)
        turn = take_turn(self.store, now, wanted, now_us=now_us, dice=dice, stopped=frozenset(), purse=purse)
        decided = [made.decided for (made,) in turn]
        mind.shown[start:stop] = [d.chosen for d in decided]
        mind.blind[start:stop] = [d.rung in BLIND for d in decided]
        logged = np.array([bool(d.features) for d in decided])  # where something might be shown
        x = np.frombuffer(b"".join([d.features for d in decided]), dtype=np.float32)
        mind.x[start + np.nonzero(logged)[0]] = x.reshape(-1, mind.x.shape[1])
        # Who takes part, also of those whose lane gets no message: the rivals may show them something.
        points = np.frombuffer(dice, dtype=">u4").reshape(count, -1)[:, -1] / 2**32
        held = np.array([any(reason == Reason.BUDGET for reason, _ in d.against) for d in decided])
        self.takes_part[start:stop] = (points < chance) & ~held


def _offer(place: int, variant: str, brief: str, step: int) -> Offer:
    return Offer(
        variant=variant,
        brief=brief,
        step=step,
        language="en",
        countries=(),
        leading=f"product-{place}",
        in_stock=True,
        price_low=None,
        price_high=None,
        approved="simulated",
        content=Content(headline=variant, text="simulated", call_to_action="", url="https://shop.example"),
    )


def _name(person: int) -> str:
    return f"person-{person:06d}"
