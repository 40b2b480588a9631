"""Artifacts: the records one step of a run hands to the next, kept as JSON files.

in   frozen dataclasses, or tuples of them
out  the same, read back typed in another process
"""

import json
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from omnimix.core.errors import NotFound

T = TypeVar("T")


class Artifacts:
    """A folder of JSON files, each replaced atomically."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def save(self, name: str, value: Any) -> None:
        """Keep `value` under `name`."""
        target = self.root / f"{name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{uuid4().hex}")
        # The standard library's JSON keeps infinities, which intervals have while nothing is known.
        draft.write_text(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=1), encoding="utf-8")
        draft.replace(target)

    def load(self, name: str, kind: type[T]) -> T:
        """What was kept under `name`, as `kind`. Raises NotFound when the step that makes it has not run."""
        target = self.root / f"{name}.json"
        if not target.exists():
            raise NotFound(f"there is no {name!r} yet", where=str(self.root), fix="run `omnimix run` first")
        return msgspec.convert(json.loads(target.read_text(encoding="utf-8")), type=kind)

    def has(self, name: str) -> bool:
        """Whether something was kept under `name`."""
        return (self.root / f"{name}.json").exists()
