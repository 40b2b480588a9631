"""Budgets: a cap that many workers share and none can break; what the store counts of one campaign's money.

in   a campaign's Pace; the counter; what a worker says it has spent; the instant
out  a new counter: all functions are pure, the store makes each of them one turn

A worker is *granted* money before it spends (see `purse`): the sum of all grants never exceeds a cap, and nobody
spends beyond their grant or after it ended, so that the cap holds whatever happens and in whatever order. A worker
tells what it has spent, as a running sum of the day, whenever it renews; telling twice changes nothing.

What a worker was granted and has not spent is missing to the others: at most 1/SLICE of the day each, or the one
thing it pays for if that is dearer, and as a rule far less (what two seconds need). A graceful end gives it back
at once. A worker that was killed holds it until its lease has ended; then `buried` puts in what was really spent,
as decisions and bills tell. Hence the stated bound: with k workers killed and not yet buried, at most k/SLICE of
the day's cap stays unspent, and never is more than the cap spent.
"""

import msgspec

from omnimix.activation.decide.pacing import HOUR, SECOND, Pace, Traffic, chance_of, day_at

PREFIX = b"b:"
SLICE = 100  # a lease is at most 1/SLICE of the day
AHEAD_S = 2.0  # … and otherwise what so many seconds need
LEASE_US = 10 * SECOND  # how long a grant may be spent from without renewing
GRACE_US = 5 * SECOND  # how long after that a worker counts as dead: clocks may differ by so much


class Held(msgspec.Struct, array_like=True, frozen=True):
    """What one worker holds of a day's money. Sums since the day began, in micros."""

    granted: int = 0
    told: int = 0  # spent, as last told; never above `granted`
    until_us: int = 0  # spending ends here unless renewed


class Counter(msgspec.Struct, array_like=True, frozen=True):
    """What the store knows of one campaign's money, under `b:<campaign>`. All in micros."""

    day: int = 0  # ordinal of the local date; 0: nothing was ever spent
    before: int = 0  # on all earlier days; what was granted counts as spent until it is told
    closed: int = 0  # today, by workers that hold nothing any more
    held: dict[str, Held] = {}
    late: dict[str, Held] = {}  # of the day before, by workers that have not told since
    hours: tuple[int, ...] = ()  # told today, by hour of the day
    chance: float = 0.0  # with which opportunities take part
    money: float = 0.0  # of pacing.Traffic
    open_s: float = 0.0
    seen_us: int = 0  # when the chance was last worked out,
    seen: int = 0  # and what had been spent then
    base: int = 0  # of `before`, what was spent before the day before

    @property
    def spent(self) -> int:
        """Told to be spent today."""
        return self.closed + sum(h.told for h in self.held.values())

    @property
    def granted(self) -> int:
        """Spent today, or granted to somebody: never above the cap."""
        return self.closed + sum(h.granted for h in self.held.values())


def turned(counter: Counter, pace: Pace, now_us: int) -> Counter:
    """The counter on the local day of `now_us`; what the day before granted counts as spent until it is told."""
    today = day_at(pace.timezone, now_us).number
    if counter.day >= today:
        return counter
    return Counter(
        day=today,
        before=counter.before + counter.granted,
        late=counter.held if counter.day == today - 1 else {},
        base=counter.before if counter.day == today - 1 else counter.before + counter.granted,
        chance=counter.chance,
        money=counter.money,
        open_s=counter.open_s,
    )


def told(counter: Counter, worker: str, day: int, spent: int, hour: int) -> Counter:
    """Take in what `worker` spent on `day`, a running sum. Telling the same twice changes nothing."""
    if day == counter.day - 1 and worker in counter.late:
        rest = {w: h for w, h in counter.late.items() if w != worker}
        before = counter.before + spent - counter.late[worker].granted
        return msgspec.structs.replace(counter, late=rest, before=before)
    if day != counter.day or worker not in counter.held:
        return counter
    mine = counter.held[worker]
    hours = list(counter.hours) + [0] * (hour + 1 - len(counter.hours))
    hours[hour] += spent - mine.told
    held = counter.held | {worker: msgspec.structs.replace(mine, told=spent)}
    return msgspec.structs.replace(counter, held=held, hours=tuple(hours))


def steered(counter: Counter, pace: Pace, now_us: int) -> Counter:
    """The counter with the chance that shall hold from now on, worked out at most once a second."""
    if counter.seen_us and now_us - counter.seen_us < SECOND:
        return counter
    traffic = Traffic(counter.money, counter.open_s)
    if counter.seen_us:
        seconds = (now_us - counter.seen_us) / SECOND
        traffic = traffic.seen(counter.spent - counter.seen, seconds, counter.chance)
    day = day_at(pace.timezone, now_us)
    left = _cap(counter, pace) - counter.spent
    chance = chance_of(pace, day, left=left, now_us=max(now_us, day.starts_us), traffic=traffic)
    return msgspec.structs.replace(
        counter,
        chance=chance,
        money=traffic.money,
        open_s=traffic.open_s,
        seen_us=now_us,
        seen=counter.spent,
    )


def renewed(counter: Counter, pace: Pace, worker: str, *, day: int, spent: int, need: int, now_us: int) -> Counter:
    """Tell what `worker` spent on `day` and lease it what it needs next, at least `need` if there is room."""
    counter = turned(counter, pace, now_us)
    counter = told(counter, worker, day, spent, _hour(pace, now_us))
    counter = steered(counter, pace, now_us)
    mine = counter.held.get(worker, Held())
    today = day_at(pace.timezone, now_us)
    room = _cap(counter, pace) - counter.granted + mine.granted - mine.told
    seconds = max(today.ends_us - now_us, SECOND) / SECOND
    soon = AHEAD_S * max((_cap(counter, pace) - counter.spent) / seconds, pace.daily / 86_400)
    piece = max(min(pace.daily // SLICE, int(soon) + 1), need)
    mine = Held(mine.told + max(0, min(piece, room)), mine.told, min(now_us + LEASE_US, today.ends_us))
    return msgspec.structs.replace(counter, held=counter.held | {worker: mine})


def closed(counter: Counter, pace: Pace, worker: str, *, day: int, spent: int, now_us: int) -> Counter:
    """Tell for the last time and give back what is left."""
    counter = told(turned(counter, pace, now_us), worker, day, spent, _hour(pace, now_us))
    if worker not in counter.held:
        return counter
    held = {w: h for w, h in counter.held.items() if w != worker}
    return msgspec.structs.replace(counter, held=held, closed=counter.closed + counter.held[worker].told)


def dead(counter: Counter, now_us: int) -> tuple[str, ...]:
    """Workers whose lease ended without a word, also those of the day before."""
    return tuple(
        worker
        for worker, held in (*counter.held.items(), *counter.late.items())
        if held.until_us + GRACE_US < now_us
    )


def buried(counter: Counter, *, yesterday: int, today: int, now_us: int) -> Counter:
    """Give back what dead workers were granted and did not spend.

    `yesterday` and `today` are what all decisions and bills of the counter's day and the one before come to, read
    after `now_us`. What the living have spent and not told yet (half a second's worth) is put down to the dead:
    rather too much counts as spent than too little.
    """
    gone = set(dead(counter, now_us))
    if counter.late and gone.issuperset(counter.late):
        least = counter.before - sum(h.granted - h.told for h in counter.late.values())
        before = min(max(counter.base + yesterday, least), counter.before)
        counter = msgspec.structs.replace(counter, before=before, late={})
    theirs = [h for w, h in counter.held.items() if w in gone]
    if not theirs:
        return counter
    alive = {w: h for w, h in counter.held.items() if w not in gone}
    spent = today - counter.closed - sum(h.told for h in alive.values())
    spent = min(max(spent, sum(h.told for h in theirs)), sum(h.granted for h in theirs))
    return msgspec.structs.replace(counter, held=alive, closed=counter.closed + spent)


def rebuilt(pace: Pace, *, before: int, hours: tuple[int, ...], now_us: int) -> Counter:
    """The counter as decisions and bills tell it: `before` on earlier days, `hours` today. For a lost store."""
    day = day_at(pace.timezone, now_us).number
    return Counter(day=day, before=before, closed=sum(hours), hours=hours)


def key_of(campaign: str) -> bytes:
    """Where the store keeps a campaign's counter."""
    return PREFIX + campaign.encode()


def read_counter(raw: bytes | None) -> Counter:
    """The counter of what the store holds; an empty one for nothing."""
    return Counter() if raw is None else _DECODER.decode(raw)


def written(counter: Counter) -> bytes:
    """The counter as the store holds it."""
    return _ENCODER.encode(counter)


def _cap(counter: Counter, pace: Pace) -> int:
    """What may be spent today in all."""
    return pace.daily if pace.total is None else max(0, min(pace.daily, pace.total - counter.before))


def _hour(pace: Pace, now_us: int) -> int:
    return max(0, int((now_us - day_at(pace.timezone, now_us).starts_us) // HOUR))


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Counter)
