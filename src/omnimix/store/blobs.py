"""Blobs: files kept by the digest of their content (images, rendered creatives, snapshots).

in   bytes
out  their SHA-256; the same bytes are kept once
"""

import hashlib
from pathlib import Path
from uuid import uuid4

from omnimix.core.errors import NotFound


class Blobs:
    """A folder of files named by their digest."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, content: bytes) -> str:
        """Keep `content` and return its digest."""
        name = hashlib.sha256(content).hexdigest()
        target = self._path(name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{name}.{uuid4().hex}")
            draft.write_bytes(content)
            draft.replace(target)
        return name

    def get(self, name: str) -> bytes:
        """The content kept under a digest. Raises NotFound."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"no blob {name[:12]}…", where=str(self.root)) from None

    def _path(self, name: str) -> Path:
        return self.root / name[:2] / name
