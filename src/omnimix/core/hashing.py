"""Stable hashing: the same input gives the same digest, id and lane position on every machine, for ever.

in   JSON-like values, salts and ids
out  hex digests, short ids, numbers in [0, 1)
"""

import dataclasses
import hashlib
import json
from datetime import date, datetime
from enum import Enum
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, dates in ISO form; dataclasses and enums by their content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    raise TypeError(f"cannot hash a {type(value).__name__}")


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`, 64 hex characters."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def stable_id(prefix: str, *parts: str) -> str:
    """`prefix_` and 20 hex characters that depend only on the parts and their order."""
    return f"{prefix}_{hashlib.sha256(chr(31).join(parts).encode()).hexdigest()[:20]}"


def unit_interval(salt: str, key: str) -> float:
    """A number in [0, 1) that depends only on salt and key: 53 bits of SHA-256("salt:key")."""
    head = hashlib.sha256(f"{salt}:{key}".encode()).digest()[:8]
    return (int.from_bytes(head, "big") >> 11) / (1 << 53)
