"""What OpenRTB says of a request, written down a second time: plain rules over plain JSON, for the proof.

in   a decoded body
out  the rule it breaks, or whether it can be bid upon by the proof's workspace; faults of a response's bids

Rules that name a section are those of OpenRTB 2.6 or of Dynamic Native Ads 1.2. `TOLERATED` names what Prebid
Server refuses and OpenRTB does not: rules of its own configuration, and values of lists, which bidders are asked
to pass over where they do not know them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from omnimix.testing.exchange import SIZES

MOST_CPM = {"GBP": 5.0, "USD": 6.25}  # what an impression is worth in the proof's workspace
TOLERATED = (
    ("ext.prebid", "settings of Prebid Server"),
    ("ext is required", "settings of Prebid Server"),
    ("bidder", "settings of Prebid Server"),
    ("prebid-server", "accounts and lists of Prebid Server"),
    ("unsupported property", "fields that are deprecated, not forbidden (3.2.6)"),
    ("interstitial size", "settings of Prebid Server"),
    ("site.id or request.site.page", "recommended, not required (3.2.13)"),
    ("bidadjustmentfactors", "settings of Prebid Server"),
)


def broken(document: Any) -> str:
    """The first rule that a request breaks; "" for a request."""
    return next(_broken(document), "")


def _broken(d: Any) -> Iterator[str]:
    if not isinstance(d, dict):
        yield "a request is an object"
        return
    if not (isinstance(d.get("id"), str) and d["id"]):
        yield "3.2.1: id is required"
    if not (isinstance(d.get("imp"), list) and d["imp"]):
        yield "3.2.1: imp has one element or more"
        return
    if sum(d.get(k) is not None for k in ("site", "app", "dooh")) > 1:
        yield "3.2.1: one of site, app, dooh"
    yield from _broken_law(d)
    yield from _negative(d.get("device"), "device", ("w", "h"))
    for part in ("device", "user"):
        yield from _negative((d.get(part) or {}).get("geo"), f"{part}.geo", ("accuracy",))
    for imp in d["imp"]:
        yield from _broken_imp(imp)
    ids = [imp["id"] for imp in d["imp"] if isinstance(imp, dict) and "id" in imp]
    if len(set(map(str, ids))) < len(ids):
        yield "3.2.4: ids of impressions are unique"


def _broken_law(d: Mapping[str, Any]) -> Iterator[str]:
    regs, user = d.get("regs") or {}, d.get("user") or {}
    ext = regs.get("ext")
    if ext is not None and not isinstance(ext, dict):
        yield "3.2.3: ext is an object"
        return
    for place in (regs, ext or {}):
        if place.get("gdpr") not in (None, 0, 1):
            yield "3.2.3: gdpr is 0 or 1"
    for place in (user, user.get("ext") or {}):
        if not isinstance(place.get("consent"), str | None):
            yield "3.2.20: consent is a string"


def _negative(part: Any, name: str, fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        value = (part or {}).get(field)
        if isinstance(value, int | float) and value < 0:
            yield f"{name}.{field} is a size, a time or a rate: not negative"


def _broken_imp(imp: Any) -> Iterator[str]:
    if not isinstance(imp, dict) or not (isinstance(imp.get("id"), str) and imp["id"]):
        yield "3.2.4: imp.id is required"
        return
    if all(imp.get(kind) is None for kind in ("banner", "video", "audio", "native")):
        yield "3.2.4: an impression is offered as banner, video, audio or native"
    for metric in imp.get("metric") or ():
        if not {"type", "value"} <= metric.keys():
            yield "3.2.5: type and value of a metric are required"
    yield from _broken_banner(imp.get("banner") or {})
    for kind in ("video", "audio"):
        if imp.get(kind) is not None:
            if not imp[kind].get("mimes"):
                yield "3.2.7, 3.2.8: mimes is required"
            yield from _negative(imp[kind], kind, ("w", "h", "minbitrate", "maxbitrate", "sequence"))
    if imp.get("native") is not None:
        yield from _broken_native(imp["native"])


def _broken_banner(banner: Mapping[str, Any]) -> Iterator[str]:
    yield from _negative(banner, "banner", ("w", "h"))
    if ("w" in banner) != ("h" in banner):
        yield "3.2.6: w and h make one size"
    for form in banner.get("format") or ():
        yield from _negative(form, "format", ("w", "h", "wratio", "hratio", "wmin"))
        if not (form.get("w") and form.get("h")) and not (form.get("wratio") and form.get("hratio")):
            yield "3.2.10: a format is a size or a ratio"


def _broken_native(native: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(native.get("request"), str):
        yield "3.2.9: native.request is required"
        return
    try:
        said = json.loads(native["request"])
    except ValueError:
        yield "Native 4.1: the request is JSON"
        return
    said = said.get("native", said)
    assets = said.get("assets")
    if not assets:
        yield "Native 4.1: assets is required"
        return
    ids = [a["id"] for a in assets if "id" in a]
    if len(set(ids)) < len(ids) or 0 < len(ids) < len(assets):
        yield "Native 4.2: every asset has an id of its own"
    group = said.get("contextsubtype", 0) // 10
    if group in (1, 2, 3) and said.get("context") in (1, 2, 3) and group != said["context"]:
        yield "Native 7.2: contextsubtype is one of the context's"
    yield from _broken_assets(assets)


def _broken_assets(assets: Any) -> Iterator[str]:
    for asset in assets:
        if sum(kind in asset for kind in ("title", "img", "video", "data")) > 1:
            yield "Native 4.2: an asset is of one kind"
        if "title" in asset and "len" not in asset["title"]:
            yield "Native 4.3: title.len is required"
        if "data" in asset and "type" not in asset["data"]:
            yield "Native 4.6: data.type is required"
        if "video" in asset and not {"mimes", "minduration", "maxduration", "protocols"} <= asset["video"].keys():
            yield "Native 4.5: mimes, durations and protocols of a video are required"


def bid_upon(d: Mapping[str, Any]) -> bool:
    """Whether the proof's workspace bids on a valid request of which it may recognise the person, or need not."""
    currencies = d.get("cur") or ["USD"]
    if not set(currencies) & MOST_CPM.keys() or d.get("dooh") is not None or _objects(d):
        return False
    return any(_fits(imp, d) for imp in d["imp"])


def _objects(d: Mapping[str, Any]) -> bool:
    """Whether the law or the person objects."""
    regs, user, device = d.get("regs") or {}, d.get("user") or {}, d.get("device") or {}
    ext = regs.get("ext") or {}
    consent = user.get("consent") or (user.get("ext") or {}).get("consent")
    gdpr = regs.get("gdpr", ext.get("gdpr"))
    if gdpr is None:
        country = ((device.get("geo") or user.get("geo")) or {}).get("country")
        gdpr = country in ("POL", "DEU", "FRA", "GBR") if country else bool(consent)
    said = regs.get("us_privacy", ext.get("us_privacy"))
    us = said is not None and (len(said) != 4 or said[0] != "1" or said[2] in "Yy")
    # No sample carries a TCF string that grants our purposes: under the GDPR there is no bid.
    return bool(gdpr or us or regs.get("coppa") or device.get("lmt") or device.get("dnt") or regs.get("gpp_sid"))


def _fits(imp: Mapping[str, Any], d: Mapping[str, Any]) -> bool:
    pmp = imp.get("pmp") or {}
    floors = [(x.get("bidfloor", 0), x.get("bidfloorcur", "USD")) for x in pmp.get("deals") or ()]
    if not pmp.get("private_auction"):
        floors.append((imp.get("bidfloor") or 0, imp.get("bidfloorcur") or "USD"))
    if not any(not f or f <= MOST_CPM.get(c, -1) for f, c in floors):
        return False
    banner = imp.get("banner") or {}
    sizes = {(f.get("w"), f.get("h")) for f in banner.get("format") or ()} | {(banner.get("w"), banner.get("h"))}
    device = d.get("device") or {}
    if sizes == {(None, None)} and imp.get("instl") and device.get("w") and device.get("h"):
        w, h = device["w"], device["h"]
        sizes = {(a, b) for a, b in SIZES if w / 2 <= a <= w and h / 2 <= b <= h}
    return bool(sizes & set(SIZES)) or (imp.get("native") is not None and _answers(imp["native"]))


def _answers(native: Mapping[str, Any]) -> bool:
    said = json.loads(native["request"])
    assets = said.get("native", said)["assets"]
    able = [_able(a) for a in assets]
    return any(able) and all(ok or not a.get("required") for a, ok in zip(assets, able, strict=True))


def _able(asset: Mapping[str, Any]) -> bool:
    if "title" in asset:
        return asset["title"]["len"] >= 18  # "A mug for mornings"
    if "img" in asset:
        img = asset["img"]
        return any(w >= img.get("wmin", 0) and h >= img.get("hmin", 0) for w, h in SIZES)
    return "data" in asset and asset["data"]["type"] in (1, 2, 11, 12)


def faults(request: Mapping[str, Any], response: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a response (4.2)."""
    if response.get("id") != request["id"]:
        yield "id of another request"
    if response.get("cur", "USD") not in (request.get("cur") or ["USD"]):
        yield "a currency that was not asked for"
    imps = {imp["id"]: imp for imp in request["imp"]}
    for bid in [bid for seat in response["seatbid"] for bid in seat["bid"]]:
        imp = imps.get(bid["impid"])
        if imp is None:
            yield "a bid on no impression"
            continue
        if not {"id", "price", "adm", "adomain", "crid", "nurl", "burl", "lurl", "mtype"} <= bid.keys():
            yield "a bid without what it must have"
        yield from _faults(imp, bid, response.get("cur", "USD"))


def _faults(imp: Mapping[str, Any], bid: Mapping[str, Any], currency: str) -> Iterator[str]:
    deals = {x["id"]: x for x in (imp.get("pmp") or {}).get("deals") or ()}
    if bid.get("dealid") and bid["dealid"] not in deals:
        yield "a deal that was not offered"
    terms = deals[bid["dealid"]] if bid.get("dealid") else imp
    rate = {"GBP": 1.25, "USD": 1.0}
    floor = (terms.get("bidfloor") or 0) / rate.get(terms.get("bidfloorcur") or "USD", 1.0) * rate[currency]
    if not 0 < bid["price"] <= MOST_CPM[currency] or bid["price"] < floor / rate[currency] ** 2 * 0.999:
        yield "a price below the floor or above the value"
    if bid["mtype"] == 1:
        banner = imp.get("banner") or {}
        asked = {(f.get("w"), f.get("h")) for f in (*(banner.get("format") or ()), banner)}
        if (bid["w"], bid["h"]) not in asked and not imp.get("instl"):
            yield "a size that was not asked for"
    else:
        said = json.loads(imp["native"]["request"])
        required = [i for i, a in enumerate(said.get("native", said)["assets"]) if a.get("required")]
        ad = json.loads(bid["adm"])
        if len(ad.get("native", ad)["assets"]) < len(required):
            yield "a native ad without a required asset"
    if imp.get("secure") and "http://" in bid["adm"]:
        yield "markup that is not secure"
