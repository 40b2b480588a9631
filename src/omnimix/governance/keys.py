"""The workspace key: one secret from which pseudonyms, the vault and sealed records get keys of their own.

in   32 bytes as base64: a value from the environment given as an argument, or a file only its owner can read
out  a WorkspaceKey that never prints itself
"""

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from omnimix.core.errors import Conflict, InvalidInput, NotAllowed, NotFound

_BYTES = 32
_FIX = "run `omnimix init` to make one, or give the key in the environment"


class WorkspaceKey:
    """32 secret bytes. `subkey(purpose)` derives an independent key for one use (HKDF-SHA256, RFC 5869)."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _BYTES:
            raise InvalidInput(f"a workspace key has {_BYTES} bytes, this one {len(secret)}", fix=_FIX)
        self._secret = secret

    def subkey(self, purpose: str) -> bytes:
        """32 bytes for one purpose; the same every time, telling nothing about the others."""
        return HKDF(SHA256(), _BYTES, salt=None, info=f"omnimix {purpose}".encode()).derive(self._secret)

    def __repr__(self) -> str:
        return "WorkspaceKey(***)"

    def __reduce__(self) -> str:
        raise TypeError("a workspace key is not pickled")


def create_key(path: Path, *, secret: bytes | None = None) -> WorkspaceKey:
    """Write a key to `path`, readable by its owner alone: a random one unless `secret` (32 bytes) is given.

    Raises Conflict when the file is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_bytes(_BYTES) if secret is None else secret
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict("there is a workspace key already", where=str(path)) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(secret) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return WorkspaceKey(secret)


def load_key(*, value: str | None = None, path: Path | None = None) -> WorkspaceKey:
    """The key given as `value`, else the one in the file at `path`.

    Raises NotFound without either, NotAllowed when others can read the file, InvalidInput when it is no key.
    """
    if value:
        return _decode(value, where="the environment")
    if path is None:
        raise NotFound("there is no workspace key", fix=_FIX)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        raise NotFound("the workspace key is missing", where=str(path), fix=_FIX) from None
    if mode & 0o077:
        raise NotAllowed(
            f"others can read the workspace key (mode {mode:o})", where=str(path), fix=f"run: chmod 600 {path}"
        )
    return _decode(path.read_text(encoding="ascii", errors="replace"), where=str(path))


def _decode(text: str, *, where: str) -> WorkspaceKey:
    try:
        return WorkspaceKey(base64.b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError, InvalidInput):
        raise InvalidInput("no workspace key: expected 32 bytes as base64", where=where, fix=_FIX) from None
