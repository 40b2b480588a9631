"""The vault: the only place where personal identifiers, names and addresses are kept, encrypted by person key.

in   identifiers and details of person keys
out  nothing without the workspace key; nothing at all once a person is forgotten
"""

from omnimix.governance.seal import Tampered
from omnimix.governance.vault.vault import DETAILS, Detail, Sealed, Vault, details, open_vault

__all__ = ["DETAILS", "Detail", "Sealed", "Tampered", "Vault", "details", "open_vault"]
