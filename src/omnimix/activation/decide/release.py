"""A release: everything a worker needs to decide, in one file that is never changed.

in   approved variants, rules, snapshots and models, gathered by `flow.release`
out  Release; its file `<id>.release` and the pointer `current`, so that workers swap and a person reverts

The id is a digest of the content: the same content is the same release on every machine.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from uuid import uuid4

import msgspec

from omnimix.activation.decide.feature import FeatureRules
from omnimix.activation.decide.pacing import Pace
from omnimix.activation.decide.story import Story
from omnimix.activation.experiment.eligibility import Eligibility
from omnimix.core.errors import InvalidInput, NotFound
from omnimix.core.record import config

CURRENT = "current"  # file with the id of the release that is served
SUFFIX = ".release"
FOLDER = "releases"  # in the workspace's state


@config
class Placement:
    """`[placements.<name>]`: a place where something may be shown."""

    channel: str = "web"  # what frequency caps count by: web, app, email …
    size: str = ""  # only variants with a picture of that size (landscape, square …); empty: any
    slots: int = 1
    purpose: str = ""  # consent asked for; empty: what the campaign asks for
    campaigns: tuple[str, ...] = ()  # only these; empty: every one
    default: Mapping[str, str] = field(default_factory=dict)  # shown when nothing is eligible

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= 10:
            raise InvalidInput(f"{self.slots} slots", where="placements", fix="give slots between 1 and 10")


class Asset(msgspec.Struct, frozen=True):
    """A picture of a variant."""

    size: str
    width: int
    height: int
    path: str  # relative to the workspace's out folder
    alt_text: str


class Content(msgspec.Struct, frozen=True):
    """What is shown. `body` holds the paragraphs of the e-mail."""

    headline: str
    text: str
    call_to_action: str
    url: str
    assets: tuple[Asset, ...] = ()
    subject: str = ""
    preheader: str = ""
    body: tuple[str, ...] = ()


class Offer(msgspec.Struct, frozen=True):
    """One servable variant, and what the hard rules need to know of it."""

    variant: str
    brief: str  # `broad` or a segment's key
    step: int  # of the story
    language: str  # BCP 47
    countries: tuple[str, ...]  # empty: everywhere
    leading: str | None  # the product it is about
    in_stock: bool
    price_low: float | None  # minor units: the cheapest product shown
    price_high: float | None
    approved: str  # digest that was approved; empty: not approved
    content: Content
    margin_share: float | None = None  # of the leading product's price
    starts_us: int = 0  # [starts, ends): besides the campaign's own dates
    ends_us: int = 1 << 62


class Running(msgspec.Struct, frozen=True):
    """A campaign as it is served. Offers stand in the order of the snapshot's and the moment model's variants."""

    campaign: str
    starts_us: int
    ends_us: int  # the first instant after it
    rules: Eligibility
    slices: tuple[tuple[float, str], ...]  # `lanes.slices`
    offers: tuple[Offer, ...]
    snapshot: bytes  # `snapshot.to_bytes`
    moment: bytes = b""  # `moment.to_bytes`; empty: none yet, the rung is served from the snapshot
    features: FeatureRules | None = None  # what is logged of the moment while there is no model
    stories: tuple[Story, ...] = ()
    pace: Pace | None = None


class Release(msgspec.Struct, frozen=True):
    """Everything a worker needs to decide."""

    release_id: str
    made_us: int
    salt: str  # of the lanes
    timezone: str  # IANA, for quiet hours
    assumed: tuple[str, ...]  # purposes taken as granted where a person said nothing
    placements: dict[str, Placement]  # in the order declared
    campaigns: tuple[Running, ...]
    note: str = ""  # why it was published


def named(release: Release) -> Release:
    """The same with the id its content has. When it was made and why is no content."""
    release = _DECODER.decode(_ENCODER.encode(release))  # as it will be read: a 0 for a float is 0.0 from now on
    plain = msgspec.structs.replace(release, release_id="", made_us=0, note="")
    mark = hashlib.sha256(_ENCODER.encode(plain)).hexdigest()[:20]
    return msgspec.structs.replace(release, release_id=f"rel_{mark}")


def save(release: Release, folder: Path) -> Path:
    """Keep a release on disk, synced; one with the same id stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{release.release_id}{SUFFIX}"
    if not path.exists():
        _put(path, _ENCODER.encode(release))
    return path


def load(folder: Path, release_id: str) -> Release:
    """A stored release. Raises NotFound; InvalidInput when its content is not what its id says."""
    path = folder / f"{release_id}{SUFFIX}"
    try:
        release: Release = _DECODER.decode(path.read_bytes())
    except FileNotFoundError:
        raise NotFound(
            f"there is no release {release_id!r}", where=str(folder), fix="omnimix release list"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"it is no release: {error}", where=str(path), fix="omnimix release publish") from None
    if release.release_id != release_id or named(release).release_id != release_id:
        raise InvalidInput("its content is not what its id says", where=str(path), fix="omnimix release publish")
    return release


def point(folder: Path, release_id: str) -> None:
    """Serve that release from now on. Workers look several times a second. Raises NotFound."""
    if not (folder / f"{release_id}{SUFFIX}").exists():
        raise NotFound(f"there is no release {release_id!r}", where=str(folder), fix="omnimix release list")
    _put(folder / CURRENT, release_id.encode())


def current(folder: Path) -> str | None:
    """The id of the release that is served; None before the first."""
    try:
        return (folder / CURRENT).read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def stored(folder: Path) -> list[Release]:
    """Every release there is, the oldest first."""
    found = [load(folder, p.name.removesuffix(SUFFIX)) for p in folder.glob(f"*{SUFFIX}")]
    return sorted(found, key=lambda r: (r.made_us, r.release_id))


def _put(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Release)
