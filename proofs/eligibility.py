"""[prove eligibility] Nothing ineligible is ever answered; what is drawn falls as often as its probability says.

in   made-up releases, people and calls in which every hard rule has something to say
out  1,000,000 random decisions against rules written a second time, in plain Python, one rule and one variant at a
     time; χ² of frequencies against probabilities; frequency caps with 8 clients at once over HTTP, two workers

The oracle shares no code with what it judges: it reads the release, the person and the call. It judges every
variant that was chosen, and in one decision of 40 every variant there was: nothing eligible may be held back.
`OMNIMIX_PROOF_PART` (0–1) makes it smaller.
"""

import base64
import json
import os
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from scipy.stats import chi2

from omnimix.activation.decide.decide import DICE, Ask, Live, Made, decide_many
from omnimix.activation.decide.decision import Request
from omnimix.activation.decide.release import (
    FOLDER,
    SUFFIX,
    Offer,
    Placement,
    Release,
    Running,
    named,
    point,
    save,
)
from omnimix.activation.decide.serving import list_of, serving, unkept
from omnimix.activation.decide.state import DAY_US, State
from omnimix.activation.experiment.ladder import Ladder
from omnimix.app import STATE
from omnimix.core.clock import micros, utc_now
from omnimix.testing.collector import WRITE_KEY, Collector
from omnimix.testing.decisions import NOW_US, RULES, release_of, request_of, state_of
from omnimix.testing.evidence import Figure, at_least, equal

PART = float(os.environ.get("OMNIMIX_PROOF_PART", "1"))
DECISIONS, PEOPLE, CALLS, BATCH = int(1_000_000 * PART), 4_000, 1_000, 250
WHOLE = 40  # of so many decisions one is judged for every variant
CLIENTS, MANY, CAP, EACH = 8, 25, 3, 100
_RELEVANCE = {"bought", "out_of_stock", "language", "region", "price"}


def figures() -> Iterator[Figure]:
    """Random decisions; caps over HTTP."""
    yield from _random_decisions()
    yield from _caps()


def oracle(
    release: Release, running: Running, offer: Offer, made: Made, request: Request, state: State
) -> set[str]:
    """Every rule that speaks against a variant, as the documentation says them. Budget and switch apart."""
    log = made.decided
    found = _of_everybody(release, running, offer, made)
    said = dict(request.consent)
    place: Placement = release.placements[log.placement]
    if not _permits(release, state, said, place.purpose or running.rules.purpose):
        found.add("no_consent")
    if _capped(running, place.channel, state, log.at_us // DAY_US):
        found.add("frequency_cap")
    if place.channel in state.suppressed:
        found.add("suppressed")
    if state.robot:
        found.add("robot")
    return found | _of_person(running, offer, made, request, state)


def _of_everybody(release: Release, running: Running, offer: Offer, made: Made) -> set[str]:
    """Rules that look at variant, placement and clock."""
    at, place = made.decided.at_us, release.placements[made.decided.placement]
    first, end = (int(h) for h in running.rules.quiet_hours.split("-"))
    local = datetime.fromtimestamp(at / 1e6, UTC).astimezone(ZoneInfo(release.timezone)).hour
    holds = {
        "out_of_stock": not offer.in_stock,
        "not_approved": not offer.approved,
        "quiet_hours": local in {h % 24 for h in range(first, end + 24 if end < first else end)},
        "dates": not (running.starts_us <= at < running.ends_us and offer.starts_us <= at < offer.ends_us),
        "placement": bool(place.size) and place.size not in [a.size for a in offer.content.assets],
    }
    return {rule for rule, so in holds.items() if so}


def _of_person(running: Running, offer: Offer, made: Made, request: Request, state: State) -> set[str]:
    """Rules of relevance that hold a variant against what is known of a person."""
    rules, found = running.rules, set()
    language = str(request.context.get("language") or state.language)
    country = str(request.context.get("country") or state.country)
    days = (made.decided.at_us - state.bought.get(offer.leading or "", -(10**18))) / DAY_US
    if days <= rules.bought_within_days:
        found.add("bought")
    if language and language[:2] != offer.language[:2]:
        found.add("language")
    if country and offer.countries and country not in offer.countries:
        found.add("region")
    cheapest, dearest = offer.price_low, offer.price_high
    too_dear = state.price_high and cheapest is not None and cheapest > state.price_high * rules.price_factor
    too_cheap = state.price_low and dearest is not None and dearest * rules.price_factor < state.price_low
    if too_dear or too_cheap:
        found.add("price")
    return found


def _capped(running: Running, channel: str, state: State, today: int) -> bool:
    """Whether the person has seen enough of everything, of the campaign, or in the channel."""
    rules = running.rules
    everything = [d for what, days in state.shown.items() if what[0] != "@" for d in days.items()]
    caps = (
        (everything, rules.impressions_per_day, rules.impressions_per_week),
        (list(state.shown.get(running.campaign, {}).items()), rules.campaign_per_day, rules.campaign_per_week),
        (list(state.shown.get("@" + channel, {}).items()), rules.channel_per_day, rules.channel_per_week),
    )
    for counts, daily, weekly in caps:
        in_day = sum(n for day, n in counts if day == today)
        in_week = sum(n for day, n in counts if today - 7 < day)
        if (daily and in_day >= daily) or (weekly and in_week >= weekly):
            return True
    return False


def _permits(release: Release, state: State, said: dict[str, bool], purpose: str) -> bool:
    if purpose in said:
        return said[purpose]
    words = [told for key, told in state.consents.items() if key.split(" ")[0] == purpose]
    if not words:
        return purpose in release.assumed
    return max(w[1] for w in words) > max(w[0] for w in words)


def ineligible(release: Release, made: Made, request: Request, state: State, stopped: frozenset[str]) -> bool:
    """Whether something was answered that should not have been."""
    log = made.decided
    if log.chosen < 0:
        return False
    running = next(r for r in release.campaigns if r.campaign == log.campaign)
    against = oracle(release, running, running.offers[log.chosen], made, request, state)
    if log.rung == "broad":
        against -= _RELEVANCE
    return bool(against) or log.rung == "none" or log.campaign in stopped


def held_back(release: Release, made: Made, request: Request, state: State, stopped: frozenset[str]) -> bool:
    """Whether the eligible variants are not those of the rung that nothing speaks against."""
    log = made.decided
    if not log.campaign:
        return False
    running = next(r for r in release.campaigns if r.campaign == log.campaign)
    free = set()
    for place in list_of(unkept(log.pool)):
        against = oracle(release, running, running.offers[place], made, request, state)
        if not (against - _RELEVANCE if log.rung == "broad" else against) and log.campaign not in stopped:
            free.add(place)
    return free != set(list_of(unkept(log.eligible)))


def _random_decisions() -> Iterator[Figure]:
    rng = random.Random(20260921)
    wrong = back = done = shown = 0
    hits, sums, spread = (np.zeros(60) for _ in range(3))
    bins = [np.zeros(20) for _ in range(3)]
    why: Counter[str] = Counter()
    for number in range(max(1, DECISIONS // 100_000)):
        campaigns = ("autumn",) if number % 2 else ("autumn", "winter")
        release = release_of(seed=number, campaigns=campaigns)
        ready = serving(release)
        people = {f"p{n}": state_of(rng, f"p{n}", campaigns=campaigns) for n in range(PEOPLE)}
        calls = [request_of(rng, slots=1) for _ in range(CALLS)]
        names = list(people)
        todo = min(100_000, DECISIONS - done)
        for _ in range(todo // BATCH):
            at = NOW_US + rng.randrange(-20 * DAY_US, 25 * DAY_US) // 20
            stopped = frozenset({"winter"}) if rng.random() < 0.1 else frozenset()
            asked = [rng.choice(calls) for _ in range(BATCH)]
            who = rng.sample(names, BATCH)
            asks = [
                Ask(r, p, r.placement or "home", 1, rng.randbytes(DICE)) for r, p in zip(asked, who, strict=True)
            ]
            answers, _changed = decide_many(ready, asks, people, at, Live(stopped=stopped))
            for request, person, (made,) in zip(asked, who, answers, strict=True):
                wrong += ineligible(release, made, request, people[person], stopped)
                done += 1
                if done % WHOLE == 0:
                    back += held_back(release, made, request, people[person], stopped)
                log = made.decided
                if log.chosen < 0:
                    why[made.why.split(":")[0]] += 1
                    continue
                shown += 1
                _count(made, hits, sums, spread, bins)
    yield equal(f"{done:,} random decisions, ineligible answers", wrong, 0)
    yield equal(f"{done // WHOLE:,} of them, eligible sets that differ", back, 0)
    yield Figure("something was shown", f"{shown / done:.0%} of them", "≥ 20 %", shown >= 0.2 * done)
    for name, (o, e, v) in (("variant", (hits, sums, spread)), ("probability", tuple(bins))):
        used = v > 5
        statistic = float((((o - e) ** 2)[used] / v[used]).sum())
        p = float(chi2.sf(statistic, int(used.sum())))
        yield at_least(f"χ² of frequencies by {name}, p", p, 0.001)


def _count(made: Made, hits: np.ndarray, sums: np.ndarray, spread: np.ndarray, bins: list[np.ndarray]) -> None:
    """Add a choice to what was drawn, what was to be expected, and the variance of it."""
    log = made.decided
    chance = np.frombuffer(log.chances)
    if len(chance) < 2:
        return
    places = list_of(unkept(log.eligible))
    hits[log.chosen] += 1
    sums[places] += chance
    spread[places] += chance * (1 - chance)
    at = np.minimum((chance * 20).astype(int), 19)
    np.add.at(bins[1], at, chance)
    np.add.at(bins[2], at, chance * (1 - chance))
    bins[0][min(int(log.probability * 20), 19)] += 1


def _caps() -> Iterator[Figure]:
    now = utc_now()
    rules = replace(RULES, campaign_per_day=CAP, quiet_hours=f"{(now.hour + 8) % 24}-{(now.hour + 16) % 24}")
    plain = Ladder(none=0, broad=0, relevant=0, segment=0, sequence=0, moment=0)
    release = release_of(seed=3, rules=rules, ladder=plain, varied=False, now_us=micros(now))
    release = msgspec.structs.replace(release, assumed=("advertising", "measurement", "personalisation"))
    with tempfile.TemporaryDirectory() as folder:
        collector = Collector(Path(folder), serve="workers = 2")
        path = save(named(release), Path(folder) / STATE / FOLDER)
        point(Path(folder) / STATE / FOLDER, path.name.removesuffix(SUFFIX))
        got: Counter[str] = Counter()
        lock = threading.Lock()
        refused: list[int] = []

        def client(number: int) -> None:
            rng = random.Random(number)
            for _ in range(EACH):
                person = f"someone {rng.randrange(MANY)}"
                body = json.dumps({"user_id": person, "placement": "home"}).encode()
                status, answer = collector.ask("POST", "/v1/decide", body, authorization=_KEY)
                with lock:
                    if status != 200:
                        refused.append(status)
                    elif json.loads(answer)["slots"][0]["variant"]:
                        got[person] += 1

        with collector.start("--no-settle"):
            threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    yield equal(f"{CLIENTS} clients, {CLIENTS * EACH} calls for {MANY} people, not answered", len(refused), 0)
    over = sum(n > CAP for n in got.values())
    yield equal(f"people shown more than {CAP} times in a day", over, 0)
    yield equal(f"people shown exactly {CAP} times", sum(n == CAP for n in got.values()), MANY)


_KEY = "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
