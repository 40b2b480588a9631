"""One decision: what a caller asks, what it is answered, and what the journal keeps of it.

in   JSON of `POST /v1/decide`
out  Request, Answer; Decided, which holds everything that makes the same choice again

Raw ids of a Request never leave the worker that reads it: behind it, a person is a pseudonym.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

Kept = int | bytes  # a set of places: a bit for each, as a number, or little-endian where it has too many
MOST_SLOTS = 10
MOST_BATCH = 1_000  # requests of one call
FRESH_S = 600  # an answer may be shown so long after it was given
_Text = Annotated[str, msgspec.Meta(max_length=500)]


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """What should this person see here, now? The strongest id given counts: profile, user, anonymous.

    `context` is what the caller knows of the moment: page, device, language (BCP 47), country (ISO 3166 alpha-2),
    region, query, product (the id in view), category, time … Only declared features reach the choice (as
    `context.<name>`); language and country hold before what is known of the person.
    """

    placement: _Text = ""  # a name in [placements]; empty: the first declared
    profile_id: _Text | None = None
    user_id: _Text | None = None
    anonymous_id: _Text | None = None
    campaign: _Text | None = None  # this campaign or nothing; left out, every one that fills the placement
    context: dict[str, str | float | bool] = {}
    consent: dict[
        str, bool
    ] = {}  # purpose → granted, as the caller's page knows it now; holds before what is stored
    slots: Annotated[int, msgspec.Meta(ge=1, le=MOST_SLOTS)] | None = None  # None: as the placement declares
    links: bool = True  # whether to give addresses that count views and clicks
    write_key: str | None = msgspec.field(default=None, name="writeKey")  # where no header can carry it


class Slot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to show. `variant` None: the placement's default, for the reason in `why`."""

    decision_id: str
    variant: str | None
    content: msgspec.Raw  # JSON object: the variant's content, or the declared default
    campaign: str | None = None
    probability: float = 1.0  # chance with which the variant was chosen among the campaign's eligible ones
    lane: str | None = None
    rung: str | None = None
    why: str = ""
    excluded: dict[str, int] = {}  # reason → how many of the rung's variants it ruled out
    click: str | None = None  # path that counts a click and leads to the content's url
    seen: str | None = None  # path of a pixel that counts a view, of an e-mail an open


class Answer(msgspec.Struct, frozen=True):
    """One Slot for each that was asked for, to be shown before `expires_at`."""

    slots: list[Slot]
    release: str
    expires_at: str  # RFC 3339, UTC


class Decided(msgspec.Struct, frozen=True, array_like=True):
    """A journal entry: one slot decided, with all that a replay needs besides the stored release.

    Places are those of the campaign's offers in the release; a set of places is a Kept. `person` is empty where
    measurement is not permitted: then nothing here tells who it was.
    """

    decision_id: str
    at_us: int  # microseconds since 1970, UTC
    person: str  # as the online state names a person
    campaign: str  # empty: no campaign fills the placement
    placement: str
    channel: str
    release: str
    snapshot: str
    model: str  # version of the moment model; empty where none was asked
    segment: str
    lane: str  # "unknown" where no run has met the person
    rung: str
    step: int
    draw: float  # in [0, 1): the choice was drawn with it
    against: Sequence[tuple[int, Kept]]  # reasons that held, each with the places it ruled out
    pool: Kept  # places that the rung might show
    eligible: Kept  # those of them that no reason ruled out
    chances: bytes  # of the eligible, float64 little-endian; they sum to 1
    chosen: int  # place, -1: nothing
    variant: str  # empty: nothing
    probability: float  # with which it was chosen; 1 where nothing could be
    features: bytes = b""  # x, float32 little-endian; empty where none was worked out
    cost: int = 0  # micros of the currency that the budget paid


_PACK, _UNPACK = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Decided)


def packed(decided: Decided) -> bytes:
    """As MessagePack."""
    return _PACK.encode(decided)


def unpacked(entry: bytes) -> Decided:
    """What `packed` made."""
    return _UNPACK.decode(entry)
