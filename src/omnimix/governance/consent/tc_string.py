"""IAB TCF v2 consent strings, decoded.

in   a TC string: segments of base64url, of which the first, the core, is read
out  TcString: what was answered, for which purposes and vendors

Fields in the order of IAB Tech Lab, Transparency and Consent String with Global Vendor & CMP List Formats, v2.2,
"The core string". Numbers are big-endian bits. Sets of purposes and vendors are masks: bit n of the integer stands
for number n.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from omnimix.core.errors import InvalidInput

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_LONGEST = 10_000  # characters; strings of real consent tools have some hundreds
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - instants are naive UTC
_SPECIAL_FEATURES, _PURPOSES = 12, 24


@dataclass(frozen=True, slots=True)
class Restriction:
    """What the publisher restricts vendors to. `kind`: 0 not allowed, 1 only with consent, 2 only by interest."""

    purpose: int
    kind: int
    vendors: int  # mask


@dataclass(frozen=True, slots=True)
class TcString:
    """The core of one TC string. Masks; `among` says whether a number is in one."""

    last_updated: datetime  # naive UTC, to the tenth of a second
    policy_version: int
    special_features: int
    consents: int  # purposes consented to
    interests: int  # purposes whose legitimate interest was shown and not objected to
    vendors: int  # vendors consented to
    interest_vendors: int
    restrictions: tuple[Restriction, ...]


def among(mask: int, number: int) -> bool:
    """Whether a purpose or vendor is in a mask."""
    return bool(mask >> number & 1)


def read_tc_string(text: str) -> TcString:
    """Decode the core segment. Raises InvalidInput for anything else than a whole core of version 2."""
    if len(text) > _LONGEST or not _ALPHABET.fullmatch(text):
        raise InvalidInput("is no TCF consent string")
    core = text.partition(".")[0]
    try:
        content = base64.urlsafe_b64decode(core + "=" * (-len(core) % 4))
    except binascii.Error:
        raise InvalidInput("is no TCF consent string") from None
    bits = _Bits(content)
    version = bits.number(6)
    if version != 2:
        raise InvalidInput(f"is a TCF string of version {version}; version 2 is read")
    bits.number(36)  # created
    last_updated = bits.number(36)
    bits.number(12 + 12 + 6 + 12 + 12)  # tool, its version and screen, language, version of the vendor list
    policy_version = bits.number(6)
    bits.number(1 + 1)  # service-specific, texts of its own
    special_features, consents, interests = (bits.mask(n) for n in (_SPECIAL_FEATURES, _PURPOSES, _PURPOSES))
    bits.number(1 + 12)  # whether purpose 1 was not shown, the publisher's country
    return TcString(
        last_updated=_EPOCH + timedelta(milliseconds=100 * last_updated),
        policy_version=policy_version,
        special_features=special_features,
        consents=consents,
        interests=interests,
        vendors=_vendors(bits),
        interest_vendors=_vendors(bits),
        restrictions=tuple(_restriction(bits) for _ in range(bits.number(12))),
    )


class _Bits:
    """Bits read from the front. Reading beyond the end raises InvalidInput: what was cut short is no answer."""

    def __init__(self, content: bytes) -> None:
        self._bits = f"{int.from_bytes(content):0{8 * len(content)}b}"
        self._at = 0

    def _next(self, width: int) -> str:
        self._at += width
        if self._at > len(self._bits):
            raise InvalidInput("is a TCF consent string that was cut short")
        return self._bits[self._at - width : self._at]

    def number(self, width: int) -> int:
        return int(self._next(width), 2)

    def mask(self, width: int) -> int:
        """A bit field: its first bit stands for number 1."""
        return int(self._next(width)[::-1] + "0", 2)

    def ranges(self) -> int:
        """A list of single numbers and of ranges, as a mask."""
        mask = 0
        for _ in range(self.number(12)):
            is_range, first = self.number(1), self.number(16)
            last = self.number(16) if is_range else first
            if last < first:
                raise InvalidInput(f"is a broken TCF consent string: vendors {first} to {last}")
            mask |= ((1 << (last - first + 1)) - 1) << first
        return mask


def _vendors(bits: _Bits) -> int:
    most, in_ranges = bits.number(16), bits.number(1)
    return bits.ranges() if in_ranges else bits.mask(most)


def _restriction(bits: _Bits) -> Restriction:
    return Restriction(purpose=bits.number(6), kind=bits.number(2), vendors=bits.ranges())
