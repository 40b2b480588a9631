"""Consent strings as a consent tool would write them, for tests and proofs of what reads them.

in   the TCF purposes and vendors that a person permits
out  a TC string (IAB Tech Lab, Consent string and vendor list formats v2: core segment, bit fields)
"""

import base64
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

_VENDORS = 800  # bits of the vendor fields


def tcf_string(
    consents: Collection[int],
    *,
    interests: Collection[int] = (),
    vendors: Collection[int] = (),
    interest_vendors: Collection[int] = (),
    restrictions: Iterable[tuple[int, int, int]] = (),
    at: datetime,
    version: int = 2,
) -> str:
    """A core segment last changed `at` (naive UTC). `restrictions`: (purpose, kind 0 to 2, vendor)."""
    tenths = int(at.replace(tzinfo=UTC).timestamp() * 10)
    fields = [
        (version, 6),
        (tenths, 36),
        (tenths, 36),
        (10, 12),
        (1, 12),
        (1, 6),
        (4, 6),
        (13, 6),
        (48, 12),
        (4, 6),
    ]
    bits = "".join(f"{value:0{width}b}" for value, width in [*fields, (0, 1), (0, 1), (0, 12)])
    bits += _field(consents, 24) + _field(interests, 24) + "0" + f"{3:06b}{3:06b}"
    for permitted in (vendors, interest_vendors):
        bits += f"{_VENDORS:016b}0" + _field(permitted, _VENDORS)
    listed = list(restrictions)
    bits += f"{len(listed):012b}"
    bits += "".join(f"{purpose:06b}{kind:02b}{1:012b}0{vendor:016b}" for purpose, kind, vendor in listed)
    bits += "0" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _field(chosen: Collection[int], width: int) -> str:
    return "".join("1" if n + 1 in chosen else "0" for n in range(width))
