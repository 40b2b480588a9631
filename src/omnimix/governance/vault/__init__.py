"""The vault: the only place where personal identifiers, names and addresses are kept, encrypted by profile.

in   identifiers of a profile
out  nothing without the workspace key; nothing at all once a profile is forgotten
"""

from omnimix.governance.vault.vault import Sealed, Tampered, Vault, open_vault

__all__ = ["Sealed", "Tampered", "Vault", "open_vault"]
