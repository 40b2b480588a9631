"""A seal for what waits on disk: whole records under a key of their own, opened by whoever has the workspace key.

in   bytes, and the purpose they are kept for
out  AES-256-GCM ciphertext (NIST SP 800-38D) with its nonce before it
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.vault import Tampered

_NONCE = 12


class Seal:
    """Closes and opens records of one purpose. Random nonces: good for 2³² records under one workspace key."""

    def __init__(self, key: WorkspaceKey, purpose: str) -> None:
        self._cipher, self._purpose = AESGCM(key.subkey(purpose)), purpose

    def close(self, plain: bytes) -> bytes:
        """Encrypt."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, None)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt. Raises Tampered when it was changed or closed under another workspace key."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
        except (InvalidTag, ValueError):
            raise Tampered(
                "a record does not open: it was changed, or sealed under another workspace key",
                where=self._purpose,
            ) from None
