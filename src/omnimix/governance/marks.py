"""Marks: many 64-bit hashes of values made into marks that mean nothing without the workspace key.

in   hashes of values, as numbers
out  as many numbers; equal ones for equal hashes

AES-256 (FIPS 197) of each hash, cut to 64 bits: a pseudorandom function, at memory speed. For looking up which
records share a value without keeping the value; where one value must be told from every other, use a pseudonym.
"""

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from omnimix.governance.keys import WorkspaceKey

Hashes = npt.NDArray[np.uint64]


class Marks:
    """Makes the marks of one workspace for one purpose."""

    def __init__(self, key: WorkspaceKey, purpose: str) -> None:
        self._key = key.subkey(f"marks {purpose}")

    def of(self, hashes: Hashes) -> Hashes:
        """The mark of each hash."""
        blocks = np.zeros((len(hashes), 2), dtype="<u8")
        blocks[:, 0] = hashes
        # Each block is one input of the function: equal inputs shall give equal marks, as ECB does.
        encryptor = Cipher(algorithms.AES(self._key), modes.ECB()).encryptor()  # noqa: S305
        cipher = encryptor.update(blocks.tobytes()) + encryptor.finalize()
        return np.frombuffer(cipher, dtype="<u8").reshape(-1, 2)[:, 0].astype(np.uint64)
