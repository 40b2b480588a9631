"""Native ads (OpenRTB Dynamic Native Ads 1.0 to 1.2): what is asked for, and the answer.

in   `imp.native.request`, a Creative
out  a NativeRequest; the answer's JSON, or None where something required is not there

Unknown asset types and values of lists are passed over, unless they are required. An asset has one kind and an id
of its own; where no asset has an id its place in the list is meant, as the specification suggests.
"""

from functools import lru_cache
from typing import Annotated, Any

import msgspec

from omnimix.activation.bid.creative import Creative, Picture
from omnimix.activation.bid.request import Count
from omnimix.core.errors import InvalidInput

_ICON, _MAIN = 1, 3
_SPONSORED, _DESCRIPTION, _DESCRIPTION_2, _DISPLAY_URL, _ACTION = 1, 2, 10, 11, 12
_IMPRESSION, _BY_PICTURE = 1, 1  # of eventtrackers: the event, the method
_GROUPED = (1, 2, 3)  # contexts whose sub-types have numbers of their own: 10–19, 20–29, 30–39


class Title(msgspec.Struct, frozen=True):
    """A title of at most `len` characters."""

    len: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Img(msgspec.Struct, frozen=True):
    """A picture: exactly w × h, or at least wmin × hmin."""

    type: int | None = None
    w: Count | None = None
    h: Count | None = None
    wmin: Count | None = None
    hmin: Count | None = None
    mimes: tuple[str, ...] | None = None


class NativeVideo(msgspec.Struct, frozen=True):
    """A video, which is never answered."""

    mimes: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    minduration: Count
    maxduration: Count
    protocols: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)]


class Data(msgspec.Struct, frozen=True):
    """A text of a kind: 1 sponsored by, 2 description, 12 call to action …"""

    type: Annotated[int, msgspec.Meta(ge=1)]
    len: Count | None = None


class Asset(msgspec.Struct, frozen=True):
    """One part of the ad."""

    id: int | None = None
    required: int | None = 0
    title: Title | None = None
    img: Img | None = None
    video: NativeVideo | None = None
    data: Data | None = None


class Tracker(msgspec.Struct, frozen=True):
    """An event the publisher can report, and how."""

    event: int
    methods: tuple[int, ...]


class NativeRequest(msgspec.Struct, frozen=True):
    """What a native place asks for."""

    assets: Annotated[tuple[Asset, ...], msgspec.Meta(min_length=1, max_length=50)]
    ver: str | None = None
    context: int | None = None
    contextsubtype: int | None = None
    plcmttype: int | None = None
    eventtrackers: tuple[Tracker, ...] | None = None


class _Wrapped(msgspec.Struct, frozen=True):
    native: msgspec.Raw | None = None


_REQUEST, _WRAPPED = msgspec.json.Decoder(NativeRequest), msgspec.json.Decoder(_Wrapped)


@lru_cache(maxsize=1_000)
def read_native(text: str) -> NativeRequest:
    """Read a native request. Raises InvalidInput, saying what is wrong. What many ask alike is read once."""
    body = text.encode("utf-8", "surrogatepass")
    try:
        inner = _WRAPPED.decode(body).native  # versions before 1.2 put it into an object `native`
        found = _REQUEST.decode(body if inner is None else inner)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"no native request: {error}") from None
    _check(found)
    return found


def _check(request: NativeRequest) -> None:
    ids = [a.id for a in request.assets if a.id is not None]
    if len(set(ids)) < len(ids):
        raise InvalidInput("no native request: two assets have the same id")
    if 0 < len(ids) < len(request.assets):
        raise InvalidInput("no native request: some assets have an id and some have none")
    for asset in request.assets:
        kinds = sum(part is not None for part in (asset.title, asset.img, asset.video, asset.data))
        if kinds > 1:
            raise InvalidInput("no native request: an asset is of two kinds")
        if asset.title is not None and asset.title.len is None:
            raise InvalidInput("no native request: a title does not say how long it may be")
    group = (request.contextsubtype or 0) // 10
    if group in _GROUPED and request.context in _GROUPED and group != request.context:
        raise InvalidInput("no native request: contextsubtype is of another context")


def native_answer(
    request: NativeRequest, creative: Creative, *, ver: str | None, link: str, pixel: str, secure: bool
) -> bytes | None:
    """The ad as JSON; None where a required asset is not there. `link` is where a click goes, `pixel` what tells
    that it was shown."""
    assets = []
    for place, asset in enumerate(request.assets):
        content = _content(asset, creative, secure=secure)
        if content is not None:
            assets.append({"id": place if asset.id is None else asset.id} | content)
        elif asset.required:
            return None
    if not assets:
        return None
    version = ver or request.ver or "1.2"
    ad: dict[str, Any] = {"ver": version, "assets": assets, "link": {"url": link}}
    if version < "1.2":
        return msgspec.json.encode({"native": ad | {"imptrackers": [pixel]}})
    told = request.eventtrackers
    if told is None or any(t.event == _IMPRESSION and _BY_PICTURE in t.methods for t in told):
        ad["eventtrackers"] = [{"event": _IMPRESSION, "method": _BY_PICTURE, "url": pixel}]
    else:
        ad["imptrackers"] = [pixel]  # deprecated in 1.2, and all that is left
    return msgspec.json.encode(ad)


def can_answer(request: NativeRequest, creative: Creative, *, secure: bool) -> bool:
    """Whether the creative has everything that is required, and something at all."""
    found = [(a.required, _content(a, creative, secure=secure) is not None) for a in request.assets]
    return any(there for _, there in found) and all(there or not required for required, there in found)


def _content(asset: Asset, creative: Creative, *, secure: bool) -> dict[str, Any] | None:
    if asset.title is not None:
        text = _longest(creative.headlines, asset.title.len or 0)
        return {"title": {"text": text, "len": len(text)}} if text else None
    if asset.img is not None:
        found = _picture(asset.img, creative.pictures, secure=secure)
        return None if found is None else {"img": {"url": found.url, "w": found.width, "h": found.height}}
    if asset.data is not None:
        text = _text(asset.data, creative)
        return {"data": {"value": text, "len": len(text)}} if text else None
    return None


def _text(data: Data, creative: Creative) -> str:
    said = {
        _SPONSORED: (creative.brand,),
        _DESCRIPTION: creative.descriptions,
        _DESCRIPTION_2: creative.descriptions[1:],
        _DISPLAY_URL: (creative.domain,),
        _ACTION: (creative.call_to_action,),
    }.get(data.type, ())
    return _longest(said, data.len) if data.len else next(iter(said), "")


def _longest(texts: tuple[str, ...], most: int) -> str:
    """The first text that fits, because the first leads; "" when none does. Texts are not cut."""
    return next((t for t in texts if t and len(t) <= most), "")


def _picture(img: Img, pictures: tuple[Picture, ...], *, secure: bool) -> Picture | None:
    """The smallest picture that fits; icons are square."""
    fitting = [
        p
        for p in pictures
        if (not secure or p.secure)
        and (not img.mimes or p.mime in img.mimes)
        and (img.w is None or img.wmin is not None or p.width == img.w)
        and (img.h is None or img.hmin is not None or p.height == img.h)
        and p.width >= (img.wmin or 0)
        and p.height >= (img.hmin or 0)
        and (img.type != _ICON or p.width == p.height)
    ]
    return min(fitting, key=lambda p: (p.width * p.height, p.url), default=None)
