"""OpenRTB bid requests: what of them a display bidder reads.

in   the body of a request (JSON)
out  a BidRequest; InvalidInput for a body that is none

OpenRTB 2.6 (IAB Tech Lab, 2.6-202606) and 2.5, whose senders put consent and ids into `ext`. Unknown fields and
unknown values of lists are passed over, as the implementation guide asks. A field that is read must have its type;
`null` is as good as absent. Sizes, times, rates and prices are not negative.
"""

from typing import Annotated

import msgspec

from omnimix.core.errors import InvalidInput

Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(max_length=4096)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Flag = Annotated[int, msgspec.Meta(ge=0, le=1)]
_MOST_IMPS = 100


class _Part(msgspec.Struct, frozen=True, gc=False):
    """A part of a request; fields that are not named are passed over."""


class Format(_Part, frozen=True, gc=False):
    """One size of a banner, in pixels, or a ratio."""

    w: Count | None = None
    h: Count | None = None
    wratio: Count | None = None
    hratio: Count | None = None
    wmin: Count | None = None


class Banner(_Part, frozen=True, gc=False):
    """A place for a picture or markup."""

    format: tuple[Format, ...] | None = None
    w: Count | None = None
    h: Count | None = None
    btype: tuple[int, ...] | None = None  # kinds that are not wanted: 1 text, 2 picture, 3 script, 4 iframe
    battr: tuple[int, ...] | None = None  # attributes that are not wanted (AdCOM, Creative Attributes)
    mimes: tuple[str, ...] | None = None
    pos: int | None = None


class Video(_Part, frozen=True, gc=False):
    """A place for a video: read to be refused properly, never bid upon."""

    mimes: tuple[str, ...] | None = None
    w: Count | None = None
    h: Count | None = None
    minduration: Count | None = None
    maxduration: Count | None = None
    minbitrate: Count | None = None
    maxbitrate: Count | None = None
    sequence: Count | None = None


class Audio(_Part, frozen=True, gc=False):
    """A place for a sound: read to be refused properly, never bid upon."""

    mimes: tuple[str, ...] | None = None
    minduration: Count | None = None
    maxduration: Count | None = None
    minbitrate: Count | None = None
    maxbitrate: Count | None = None
    sequence: Count | None = None


class Native(_Part, frozen=True, gc=False):
    """A place for an ad in the publisher's own form; `request` is JSON of its own (see `native`)."""

    request: str | None = None
    ver: str | None = None
    battr: tuple[int, ...] | None = None


class Deal(_Part, frozen=True, gc=False):
    """Terms agreed beforehand."""

    id: Name
    bidfloor: Amount = 0.0  # CPM
    bidfloorcur: str | None = "USD"
    at: int | None = None  # 3: the floor is the price
    wseat: tuple[str, ...] | None = None
    wadomain: tuple[str, ...] | None = None


class Pmp(_Part, frozen=True, gc=False):
    """The deals of an impression; `private_auction` 1: bids without one are not taken."""

    private_auction: Flag | None = 0
    deals: tuple[Deal, ...] | None = None


class Metric(_Part, frozen=True, gc=False):
    """A historical figure of the placement."""

    type: str
    value: float


class Imp(_Part, frozen=True, gc=False):
    """One impression on offer."""

    id: Name
    banner: Banner | None = None
    video: Video | None = None
    audio: Audio | None = None
    native: Native | None = None
    metric: tuple[Metric, ...] | None = None
    pmp: Pmp | None = None
    instl: int | None = 0  # 1: full screen
    tagid: str | None = None
    bidfloor: Amount | None = 0.0  # CPM
    bidfloorcur: str | None = "USD"
    secure: int | None = None  # 1: https only
    exp: Count | None = None  # seconds from auction to impression
    rwdd: int | None = 0


class Publisher(_Part, frozen=True, gc=False):
    """Who publishes."""

    id: str | None = None
    domain: str | None = None


class Content(_Part, frozen=True, gc=False):
    """What the page or app shows."""

    language: str | None = None


class Site(_Part, frozen=True, gc=False):
    """The web site of the impression."""

    id: str | None = None
    domain: str | None = None
    page: str | None = None
    publisher: Publisher | None = None
    content: Content | None = None


class App(_Part, frozen=True, gc=False):
    """The app of the impression."""

    id: str | None = None
    bundle: str | None = None
    domain: str | None = None
    publisher: Publisher | None = None
    content: Content | None = None


class Dooh(_Part, frozen=True, gc=False):
    """The screen in public of the impression: nobody can click there."""

    id: str | None = None


class Geo(_Part, frozen=True, gc=False):
    """Where the device is: the country (ISO 3166 alpha-3) is all that is used."""

    country: str | None = None
    region: str | None = None
    accuracy: Count | None = None


class Device(_Part, frozen=True, gc=False):
    """The device. Its address and identifiers are not read."""

    ua: str | None = None
    geo: Geo | None = None
    dnt: int | None = 0
    lmt: int | None = 0
    devicetype: int | None = None
    os: str | None = None
    language: str | None = None
    w: Count | None = None
    h: Count | None = None


class Uid(_Part, frozen=True, gc=False):
    """One id of a person in one system."""

    id: str | None = None


class Eid(_Part, frozen=True, gc=False):
    """Ids of a person from one source."""

    source: str | None = None
    uids: tuple[Uid, ...] | None = None


class UserExt(_Part, frozen=True, gc=False):
    """Where senders of version 2.5 put consent and ids."""

    consent: str | None = None
    eids: tuple[Eid, ...] | None = None


class User(_Part, frozen=True, gc=False):
    """The person, as far as the exchange knows. Year of birth, gender and interests are not read."""

    id: str | None = None
    buyeruid: str | None = None
    consent: str | None = None  # TCF
    eids: tuple[Eid, ...] | None = None
    geo: Geo | None = None
    ext: UserExt | None = None


class Dsa(_Part, frozen=True, gc=False):
    """What the EU's Digital Services Act asks of the bid."""

    dsarequired: int | None = 0  # 0 no, 1 supported, 2 required, 3 required (online platform)


class RegsExt(_Part, frozen=True, gc=False):
    """Where senders of version 2.5 put rules; `gpc` is an extension still."""

    gdpr: Flag | None = None
    us_privacy: str | None = None
    gpc: str | int | None = None
    dsa: Dsa | None = None


class Regs(_Part, frozen=True, gc=False):
    """Rules that hold for the request."""

    coppa: int | None = 0
    gdpr: Flag | None = None
    us_privacy: str | None = None
    gpp: str | None = None
    gpp_sid: tuple[int, ...] | None = None
    ext: RegsExt | None = None


class BidRequest(_Part, frozen=True, gc=False):
    """One request."""

    id: Name
    imp: Annotated[tuple[Imp, ...], msgspec.Meta(min_length=1, max_length=_MOST_IMPS)]
    site: Site | None = None
    app: App | None = None
    dooh: Dooh | None = None
    device: Device | None = None
    user: User | None = None
    regs: Regs | None = None
    test: int | None = 0
    at: int | None = 2  # 1 first price, 2 second price and more; 500 and above: the exchange's own
    tmax: Count | None = None  # milliseconds, the way there and back included
    wseat: tuple[str, ...] | None = None
    bseat: tuple[str, ...] | None = None
    cur: tuple[str, ...] | None = None
    wlang: tuple[str, ...] | None = None
    wlangb: tuple[str, ...] | None = None
    bcat: tuple[str, ...] | None = None
    acat: tuple[str, ...] | None = None
    cattax: int | None = 1
    badv: tuple[str, ...] | None = None


_DECODER = msgspec.json.Decoder(BidRequest)


def read_request(body: bytes) -> BidRequest:
    """Read a body. Raises InvalidInput, saying which field is wrong and why."""
    try:
        body.decode()  # fields that are passed over are not decoded, also when they are no UTF-8
        return _DECODER.decode(body)
    except UnicodeDecodeError:
        raise InvalidInput("the body is not UTF-8") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"no bid request: {error}") from None
