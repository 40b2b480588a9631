"""What stands before a body is read as a call: path, method, origin, key, type, size, encoding.

in   parts of a request
out  their meaning, or Refused with the status that the Segment HTTP API gives
"""

import base64
import binascii
import hashlib
import ipaddress
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

from omnimix.data.live.call import CALLS, MOST_BODY
from omnimix.web.answer import Headers, Refused

_SHORT = {name[0]: name for name in CALLS if name != "alias"} | {"a": "alias"}  # as browsers' libraries call them
PATHS: Mapping[str, str] = (
    {f"/v1/{name}": name for name in CALLS}
    | {f"/v1/{short}": name for short, name in _SHORT.items()}
    | {"/v1/batch": "batch", "/v1/b": "batch", "/v1/import": "batch"}
)
# sendBeacon may send plain text without asking first; some libraries name no type at all.
_TYPES = frozenset({"application/json", "text/plain", "application/x-www-form-urlencoded", ""})
_PREFLIGHT = (
    ("access-control-allow-methods", "POST, OPTIONS"),
    ("access-control-allow-headers", "authorization, content-type, content-encoding, x-retry-count"),
    ("access-control-max-age", "86400"),
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]


def origin_headers(origin: str | None, allowed: Sequence[str]) -> Headers:
    """CORS headers for a browser's request. Raises Refused (403) for a site that may not send."""
    if origin is None:
        return ()
    if "*" not in allowed and origin not in allowed:
        raise Refused(403, "events of this site are not collected here", ("vary", "origin"))
    return (("access-control-allow-origin", origin), ("vary", "origin"))


def preflight_headers(origin: str | None, allowed: Sequence[str]) -> Headers:
    """CORS headers for a browser that asks first. Raises Refused (403)."""
    return origin_headers(origin, allowed) + _PREFLIGHT


@lru_cache(maxsize=1_024)  # senders have few keys and use them often
def basic_key(authorization: str | None) -> str | None:
    """The write key in a Basic header (its user name); None without a header. Raises Refused (401)."""
    if authorization is None:
        return None
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise unknown_key()
    try:
        return base64.b64decode(coded.strip(), validate=True).decode("ascii").partition(":")[0]
    except (binascii.Error, ValueError):
        raise unknown_key() from None


def unknown_key() -> Refused:
    """401: no write key, or one that nobody gave out."""
    return Refused(401, "the write key is missing or unknown", ("www-authenticate", 'Basic realm="write key"'))


class WriteKeys:
    """Which source a write key stands for. Keys are compared by their hash, so that time tells nothing."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._names = {_hash(key): name for name, key in keys.items()}

    def source(self, key: str | None) -> str:
        """The source of a key. Raises Refused (401)."""
        name = self._names.get(_hash(key)) if key else None
        if name is None:
            raise unknown_key()
        return name


@lru_cache(maxsize=1_024)
def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def check_type(content_type: str | None) -> None:
    """Raises Refused (415) for a body that is said to be no JSON, or in another charset than UTF-8."""
    if content_type == "application/json":
        return
    kind, _, rest = (content_type or "").partition(";")
    charset = next(
        (p.partition("=")[2] for p in rest.split(";") if p.strip().lower().startswith("charset=")), "utf-8"
    )
    if kind.strip().lower() not in _TYPES or charset.strip().strip('"').lower() not in (
        "utf-8",
        "utf8",
        "us-ascii",
    ):
        raise Refused(415, "send JSON in UTF-8 as application/json")


def check_length(told: str | None, most: int = MOST_BODY) -> None:
    """Raises Refused: 413 for a body that is said to be too large, 400 for a length that is none."""
    if told is None:
        return
    if not told.isascii() or not told.isdigit():
        raise Refused(400, "content-length is no number")
    if len(told) > 12 or int(told) > most:
        raise too_large(most)


def too_large(most: int = MOST_BODY) -> Refused:
    """413: the body is larger than a request may be."""
    return Refused(413, f"a request holds at most {most >> 10} kB: send smaller batches")


def plain(body: bytes, encoding: str | None, most: int = MOST_BODY) -> bytes:
    """The body unpacked. Raises Refused: 415 unknown encoding, 400 broken, 413 too large once unpacked."""
    name = (encoding or "identity").strip().lower()
    if name in ("identity", ""):
        return body
    if name not in ("gzip", "x-gzip"):
        raise Refused(415, "the only content-encoding is gzip", ("accept-encoding", "gzip"))
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        whole = unpacking.decompress(body, most + 1)
    except zlib.error:
        raise Refused(400, "the body is not gzip") from None
    if len(whole) > most:
        raise too_large(most)
    if not unpacking.eof:
        raise Refused(400, "the gzip body ends too early")
    return whole


def client_address(peer: str, forwarded: str | None, trusted: Networks) -> str | None:
    """The client's network address: the peer, or behind trusted proxies the last address they do not vouch for."""
    hops = [h.strip() for h in (forwarded or "").split(",") if h.strip()] if trusted else []
    found = _address(peer.rpartition(":")[0].strip("[]") or peer)
    while found is not None and hops and within(found, trusted):
        hop = _address(hops.pop())
        if hop is None:
            break
        found = hop
    return None if found is None else str(found)


def within(address: Address | str | None, networks: Networks) -> bool:
    """Whether an address is in one of the networks."""
    found = _address(address) if isinstance(address, str) else address
    return found is not None and any(found.version == n.version and found in n for n in networks)


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
