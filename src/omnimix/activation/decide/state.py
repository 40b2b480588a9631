"""What is known of one person, now: small enough to be read and written within a decision.

in   events as they come, what a run found out (standing), decisions as they are made
out  State, to and from MessagePack; the keys under which the online store has it

Live fields depend on the set of events, not on the order in which they come: newest-wins fields break ties by a
hash of the event's id, windows are pruned against the person's newest event, lists keep the newest few. The two
exceptions are bounded and said where they stand (MOST_NAMES, and behaviour between a refusal and a later grant).
"""

import zlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from omnimix.core.hashing import stable_id

DAY_US = 86_400_000_000
COUNT_DAYS = 28  # of `counts`, up to the day of the person's newest event
SHOWN_DAYS = 15  # of `shown`, up to the day of the newest decision: a week's cap looks back over a whole week
MOST_PATH, MOST_TOUCHES, MOST_VIEWS, MOST_BASKET, MOST_BOUGHT = 8, 8, 10, 16, 32
MOST_NAMES = 64  # event names in `counts`, variants in `engaged`: beyond, those longest ago go
ALIAS, PERSON = b"m:", b"s:"  # prefixes of keys: mark → person, person → State

Seen = tuple[int, int, str]  # µs, tie, name
Touch = tuple[int, int, str, str]  # µs, tie, medium, campaign
View = tuple[int, int, str, str, int]  # µs, tie, product, its category, its price in minor units (0: unknown)
Put = tuple[int, int, int]  # µs, tie, pieces (0: taken out)
Told = tuple[int, int, int, int]  # µs: newest refusal, newest grant, first and newest grant sent along (0: none)
Engaged = tuple[int, int, int, int, int]  # shown times, first µs, newest µs, clicked times, first click µs


class State(msgspec.Struct, array_like=True, gc=False):
    """One person. Instants are µs since 1970 UTC, 0 for never; days are whole days since 1970 UTC.

    Standing fields are replaced by every run (`published`), live ones grow with every event (`updated`), `shown`
    with every decision (`decided`). Lists are newest first. Treat it as immutable: every change makes a new one.
    """

    person: str  # profile id, or what it will be: the id made from the person's first mark
    # standing, from the last run
    published_us: int = 0  # when; 0: no run has met this person
    profile_id: str = ""  # "" where no run has met the person
    segment: str = ""
    stage: str = ""
    language: str = ""  # BCP 47
    country: str = ""  # ISO 3166 alpha-2
    price_low: int = 0  # minor units: what the person usually pays for one piece; 0: unknown
    price_high: int = 0
    robot: bool = False  # nobody but robots made this profile
    traits: dict[str, float] = {}  # clv_minor, p_buy, p_churn, p_alive, p_respond, … as the run publishes them
    # live
    marks: tuple[str, ...] = ()  # names that lead here, sorted: pseudonyms, and ids that merged into this one
    consents: dict[str, Told] = {}  # "purpose source" → what that source said; read with `permits`
    suppressed: dict[str, int] = {}  # channel → when the person unsubscribed or complained last
    first_us: int = 0
    last_us: int = 0
    path: tuple[Seen, ...] = ()  # newest events
    counts: dict[str, dict[int, int]] = {}  # event name → day → how often
    touches: tuple[Touch, ...] = ()  # events that came through a medium
    views: tuple[View, ...] = ()  # products looked at or added
    basket: dict[str, Put] = {}  # product → last put in or taken out since the last order
    ordered_us: int = 0  # newest order
    bought: dict[str, int] = {}  # product → when last
    engaged: dict[str, Engaged] = {}  # variant → shown and clicked
    # decided
    shown: dict[str, dict[int, int]] = {}  # campaign, or "@" and channel → day → how often it was decided to show


@dataclass(frozen=True, slots=True)
class Consent:
    """What one source said of one purpose. `repeated`: sent along with an event rather than said anew."""

    purpose: str
    source: str
    at_us: int
    granted: bool
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One event as far as online state looks at it. `behaviour` False: it only says who somebody is, or a robot
    sent it; then nothing but its consent counts.
    """

    event_id: str
    name: str
    at_us: int
    product: str = ""
    products: tuple[str, ...] = ()  # of an order with several
    category: str = ""
    price_minor: int = 0
    quantity: int = 1
    medium: str = ""
    campaign: str = ""  # utm_campaign
    variant: str = ""  # of an ad or e-mail that was shown or followed
    consents: tuple[Consent, ...] = ()
    behaviour: bool = True

    @property
    def tie(self) -> int:
        """What decides between events of the same microsecond."""
        return zlib.crc32(self.event_id.encode())


_PACK, _UNPACK = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(State)


def packed(state: State) -> bytes:
    """As MessagePack."""
    return _PACK.encode(state)


def unpacked(value: bytes | None, person: str = "") -> State:
    """What `packed` made; the state of a person nothing is known of for None."""
    return State(person) if value is None else _UNPACK.decode(value)


def person_of(mark: str) -> str:
    """The person a mark stands for while nothing links it to another: the profile id a run would give it."""
    return stable_id("pf", mark)


def alias_key(mark: str) -> bytes:
    """Key in the online store under which the person of a mark stands (UTF-8)."""
    return ALIAS + mark.encode()


def state_key(person: str) -> bytes:
    """Key in the online store of a person's State."""
    return PERSON + person.encode()


def permissions(state: State) -> dict[str, bool]:
    """What the person said of each purpose; a purpose they said nothing of is left out.

    The newest word counts, of two at the same instant the refusal; a grant that a client merely sends along is as
    old as the source's first, or its last refusal.
    """
    said: dict[str, bool] = {}
    newest_of: dict[str, tuple[int, int]] = {}
    for key, (no, yes, first, newest) in state.consents.items():
        if newest > no:
            yes = max(yes, no + 1 if no else first)
        purpose = _purpose(key)
        if purpose in newest_of:  # of another source
            before = newest_of[purpose]
            no, yes = max(before[0], no), max(before[1], yes)
        newest_of[purpose] = (no, yes)
        if yes or no:
            said[purpose] = yes > no
    return said


@lru_cache(maxsize=4_096)
def _purpose(key: str) -> str:
    return key[: key.find(" ")]


def permits(state: State, purpose: str, assumed: Collection[str]) -> bool:
    """Whether the person permits a purpose. `assumed` names purposes granted where nothing was said."""
    said = permissions(state).get(purpose)
    return purpose in assumed if said is None else said


def is_suppressed(state: State, channel: str) -> bool:
    """Whether the person unsubscribed or complained in a channel and has not subscribed again since."""
    since = state.suppressed.get(channel, 0)
    if not since:
        return False
    said = (told for key, told in state.consents.items() if key.partition(" ")[0] == channel)
    return all(yes <= since for _no, yes, _first, _newest in said)


def count(state: State, name: str, days: int, now_us: int) -> int:
    """How often an event of that name happened in the last `days` days (whole UTC days, today among them)."""
    oldest = now_us // DAY_US - days
    return sum([n for day, n in state.counts.get(name, {}).items() if day > oldest])


def shown(state: State, what: str, days: int, now_us: int) -> int:
    """How often it was decided to show a campaign, or "@" and a channel, in the last `days` whole UTC days."""
    oldest = now_us // DAY_US - days
    return sum(n for day, n in state.shown.get(what, {}).items() if day > oldest)


def categories(state: State) -> dict[str, int]:
    """How many of the newest views were of each category."""
    found: dict[str, int] = {}
    for _us, _tie, _product, category, _price in state.views:
        if category:
            found[category] = found.get(category, 0) + 1
    return found


def basket(state: State) -> dict[str, int]:
    """Product → pieces that lie in the basket."""
    return {product: pieces for product, (_us, _tie, pieces) in state.basket.items() if pieces > 0}
