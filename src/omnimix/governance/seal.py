"""A seal for what waits on disk: whole records under a key of their own, opened by whoever has the workspace key.

in   bytes, and the purpose they are kept for
out  AES-256-GCM ciphertext (NIST SP 800-38D) with its nonce before it; AES-SIV ciphertext for links
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from omnimix.core.errors import Conflict
from omnimix.governance.keys import WorkspaceKey

_NONCE = 12


class Tampered(Conflict):
    """A sealed value does not open: it was changed, moved, or sealed under another workspace key."""


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


class ShortSeal:
    """Closes small records that leave the house, in links and pixels: 16 bytes longer than what is in them.

    AES-SIV (RFC 5297): encrypted and authenticated at once, without a nonce. The same record closes to the same
    bytes, which a link may. `bound` is authenticated beside it and not part of it.
    """

    def __init__(self, key: WorkspaceKey, purpose: str) -> None:
        self._cipher, self._purpose = AESSIV(key.subkey(purpose)), purpose

    def close(self, plain: bytes, *bound: bytes) -> bytes:
        """Encrypt; `plain` is not empty."""
        return self._cipher.encrypt(plain, list(bound))

    def open(self, sealed: bytes, *bound: bytes) -> bytes:
        """Decrypt. Raises Tampered when it or what it is bound to was changed, or another key closed it."""
        try:
            return self._cipher.decrypt(sealed, list(bound))
        except (InvalidTag, ValueError):
            raise Tampered("it was changed, or sealed under another key", where=self._purpose) from None
