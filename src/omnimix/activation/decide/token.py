"""Tokens: what a pixel, a link or a notice says of the decision it belongs to, so that nobody can say it for us.

in   a decision's ids, what happened, until when it counts, a text it is bound to (a link's target)
out  a url-safe text; back again, or NotAllowed

A token is version, number of the key, and an AES-SIV record (RFC 5297): whoever sees the url learns neither person
nor decision, and any change, also of the bound text, is refused. About 120 characters where campaign and variant
have 37 together. Keys have numbers: new tokens are made with the newest, older ones stay readable while they are
listed.
"""

import base64
import binascii
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from omnimix.core.errors import InvalidInput, NotAllowed
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.seal import ShortSeal, Tampered

KINDS = ("view", "click", "open", "win", "bill", "loss")  # what a token may report
LONGEST = 1_024  # characters of a text that is looked at
_VERSION, _MINUTE = 1, 60_000_000
_HEAD = struct.Struct(">BI")  # kind, minutes since 1970
_PREFIXES = ("dec_", "pf_", "user:", "anon:", "email:")  # before hex digits that are kept as bytes
_NO_PREFIX = len(_PREFIXES)
_PLACES = {prefix: place for place, prefix in enumerate((*_PREFIXES, ""))}
_HEX = re.compile(f"({'|'.join(_PREFIXES)}|)([0-9a-f]{{2,32}})")
_KIND = {kind: place for place, kind in enumerate(KINDS)}
_URLSAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. `expires_us`: microseconds since 1970 until which it counts, to the minute."""

    kind: str
    decision_id: str
    variant_id: str
    campaign: str
    person: str  # as the online state names a person; empty where nobody is known
    expires_us: int

    def lapsed(self, now_us: int) -> bool:
        """Whether it no longer counts."""
        return now_us >= self.expires_us


class Tokens:
    """Makes and reads the tokens of one workspace. The last of `numbers` (each 1 to 255) is the key in use."""

    def __init__(self, key: WorkspaceKey, numbers: Sequence[int] = (1,)) -> None:
        if not numbers or not all(1 <= n <= 255 for n in numbers):
            raise InvalidInput("keys of tokens have numbers from 1 to 255", where="feedback.keys", fix="give [1]")
        self._seals = {n: ShortSeal(key, f"feedback tokens {n}") for n in numbers}
        self._newest = bytes((_VERSION, numbers[-1]))
        self._seal = self._seals[numbers[-1]]

    def signed(
        self,
        kind: str,
        *,
        decision_id: str,
        variant_id: str,
        campaign: str,
        person: str = "",
        expires_us: int,
        bound: str = "",
    ) -> str:
        """A token of a kind of KINDS. `bound` must be given again to read it: the url that a click leads to."""
        about = told_of(decision_id, variant_id, campaign, person)
        return self.sealed(kind, about, expires_us=expires_us, bound=bound)

    def sealed(self, kind: str, about: bytes, *, expires_us: int, bound: str = "") -> str:
        """`signed` of what `told_of` made, which several tokens of one decision share."""
        plain = _HEAD.pack(_KIND[kind], -(-expires_us // _MINUTE)) + about
        raw = self._newest + self._seal.close(plain, self._newest, bound.encode())
        return binascii.b2a_base64(raw, newline=False).translate(_URLSAFE).rstrip(b"=").decode()

    def read(self, text: str, *, bound: str = "") -> Token:
        """What a token says; expired ones too: ask `lapsed`. Raises NotAllowed for what is none of ours."""
        try:
            raw = _bytes(text)
            seal = self._seals[raw[1]] if raw[0] == _VERSION else None
            if seal is None:
                raise _forged()
            plain = seal.open(raw[2:], raw[:2], bound.encode("utf-8", "surrogatepass"))
        except (Tampered, IndexError, KeyError):
            raise _forged() from None
        kind, minutes = _HEAD.unpack_from(plain)
        rest = memoryview(plain)[_HEAD.size :]
        ids = []
        for _ in range(4):
            text, rest = _long(rest)
            ids.append(text)
        decision_id, variant_id, campaign, person = ids
        return Token(KINDS[kind], decision_id, variant_id, campaign, person, minutes * _MINUTE)


def told_of(decision_id: str, variant_id: str, campaign: str, person: str) -> bytes:
    """What a token says of a decision, whatever happened to it."""
    return _packed(decision_id) + _short(variant_id) + _short(campaign) + _packed(person)


def _bytes(text: str) -> bytes:
    """The bytes of base64url without padding, written in the one way that `signed` writes them."""
    if len(text) > LONGEST or not text.isascii():
        raise _forged()
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _forged() from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != text.encode():
        raise _forged()
    return raw


@lru_cache(maxsize=16_384)  # the same few names, again and again
def _short(text: str) -> bytes:
    return _packed(text)


def _packed(text: str) -> bytes:
    """A text after its length; a known prefix and up to 32 hex digits as one byte and the digits' bytes."""
    if (found := _HEX.fullmatch(text)) and len(found[2]) % 2 == 0:
        raw = bytes.fromhex(found[2])
        return bytes((0x80 | _PLACES[found[1]] << 4 | len(raw) - 1,)) + raw
    plain = text.encode()
    return (bytes((len(plain),)) if len(plain) < 0x7F else b"\x7f" + struct.pack(">H", len(plain))) + plain


def _long(kept: memoryview) -> tuple[str, memoryview]:
    """The text at the front of `kept`, and what follows it."""
    first, rest = kept[0], kept[1:]
    if first >= 0x80:
        place, size = first >> 4 & 0x7, (first & 0xF) + 1
        prefix = _PREFIXES[place] if place < _NO_PREFIX else ""
        return prefix + rest[:size].hex(), rest[size:]
    size = first
    if first == 0x7F:
        (size,), rest = struct.unpack(">H", rest[:2]), rest[2:]
    return str(rest[:size], "utf-8"), rest[size:]


def _forged() -> NotAllowed:
    return NotAllowed("the token is not one of ours", where="token", fix="use links as they were given out")
