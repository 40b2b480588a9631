"""Idempotency keys that a file adapter has seen: what makes the same key a second time change nothing.

in   a hidden file beside what the adapter writes
out  whether a key was seen; the key remembered

The keys are kept as digests, so that any text may be a key.
"""

import hashlib
from pathlib import Path


class SeenKeys:
    """Keys in a file, one digest a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __contains__(self, key: str) -> bool:
        return self.path.exists() and _digest(key) in self.path.read_text(encoding="ascii").split()

    def add(self, key: str) -> None:
        """Remember a key, once what it stands for is written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="ascii") as keys:
            keys.write(f"{_digest(key)}\n")

    def forget(self) -> None:
        """Forget every key: what they stand for is gone."""
        self.path.unlink(missing_ok=True)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
