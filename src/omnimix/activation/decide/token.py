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
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from omnimix.core.errors import InvalidInput, NotAllowed
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.seal import ShortSeal
from omnimix.governance.vault import Tampered

KINDS = ("view", "click", "open", "win", "bill", "loss")  # what a token may report
LONGEST = 1_024  # characters of a text that is looked at
_VERSION, _MINUTE = 1, 60_000_000
_PACK = msgspec.msgpack.Encoder()
_DIGITS = 20  # of ids that `core.hashing.stable_id` makes


class _Packed(msgspec.Struct, array_like=True):
    """What stands in a token. Ids like `dec_` and 20 hex digits are kept as bytes."""

    kind: int
    expires: int  # minutes since 1970
    decision: Any  # text, or bytes
    person: Any
    campaign: str
    variant: Any


_UNPACK = msgspec.msgpack.Decoder(_Packed)


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
        packed = _Packed(
            KINDS.index(kind),
            math.ceil(expires_us / _MINUTE),
            _short(decision_id),
            _short(person),
            campaign,
            _short(variant_id),
        )
        sealed = self._seal.close(_PACK.encode(packed), self._newest, bound.encode())
        return base64.urlsafe_b64encode(self._newest + sealed).rstrip(b"=").decode()

    def read(self, text: str, *, bound: str = "") -> Token:
        """What a token says; expired ones too: ask `lapsed`. Raises NotAllowed for what is none of ours."""
        try:
            raw = _bytes(text)
            seal = self._seals[raw[1]] if raw[0] == _VERSION else None
            if seal is None:
                raise _forged()
            said = _UNPACK.decode(seal.open(raw[2:], raw[:2], bound.encode("utf-8", "surrogatepass")))
        except (Tampered, IndexError, KeyError, msgspec.DecodeError):
            raise _forged() from None
        return Token(
            KINDS[said.kind],
            _long(said.decision),
            _long(said.variant),
            said.campaign,
            _long(said.person),
            said.expires * _MINUTE,
        )


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


def _short(text: str) -> str | bytes:
    """`dec_0123…` as its prefix's length, prefix and 10 bytes; any other text as it is."""
    head, line, tail = text.partition("_")
    if not line or len(tail) != _DIGITS or not tail.isalnum() or tail != tail.lower():
        return text
    try:
        return head.encode() + b"_" + bytes.fromhex(tail)
    except ValueError:
        return text


def _long(kept: str | bytes) -> str:
    if isinstance(kept, str):
        return kept
    head, _, tail = kept.partition(b"_")
    return f"{head.decode()}_{tail.hex()}"


def _forged() -> NotAllowed:
    return NotAllowed("the token is not one of ours", where="token", fix="use links as they were given out")
