"""Rules of OpenRTB that a request's form does not say by itself.

in   a BidRequest
out  nothing; InvalidInput for a request that contradicts itself

Only what the specification rules out is refused. What it leaves open is passed over, and an impression that cannot
be understood is simply not bid upon.
"""

from omnimix.activation.bid.native import NativeRequest, read_native
from omnimix.activation.bid.request import Banner, BidRequest, Imp
from omnimix.core.errors import InvalidInput


def check_request(request: BidRequest) -> dict[str, NativeRequest]:
    """The native requests by impression id. Raises InvalidInput, saying which rule is broken."""
    if sum(part is not None for part in (request.site, request.app, request.dooh)) > 1:
        raise InvalidInput("a request is of one of site, app and dooh")
    if len({imp.id for imp in request.imp}) < len(request.imp):
        raise InvalidInput("two impressions have the same id")
    natives = {}
    for imp in request.imp:
        native = _check_imp(imp)
        if native is not None:
            natives[imp.id] = native
    return natives


def _check_imp(imp: Imp) -> NativeRequest | None:
    if imp.banner is None and imp.video is None and imp.audio is None and imp.native is None:
        raise InvalidInput(f"imp {imp.id!r} offers neither banner, video, audio nor native")
    if imp.banner is not None:
        _check_banner(imp.banner, imp.id)
    if imp.video is not None and not imp.video.mimes:
        raise InvalidInput(f"imp {imp.id!r}: a video names the types it takes")
    if imp.audio is not None and not imp.audio.mimes:
        raise InvalidInput(f"imp {imp.id!r}: a sound names the types it takes")
    if imp.native is None:
        return None
    if imp.native.request is None:
        raise InvalidInput(f"imp {imp.id!r}: native.request is missing")
    return read_native(imp.native.request)


def _check_banner(banner: Banner, imp: str) -> None:
    if (banner.w is None) != (banner.h is None):
        raise InvalidInput(f"imp {imp!r}: a banner has w and h or neither")
    for form in banner.format or ():
        if not (form.w and form.h) and not (form.wratio and form.hratio):
            raise InvalidInput(f"imp {imp!r}: a format has w and h, or wratio and hratio")
