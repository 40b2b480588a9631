"""Online state: small values by key, changed in turns that are atomic over all processes, and a journal beside.

in   keys and bytes
out  values as they stand now; journal entries in the order of their turns
"""

from omnimix.store.online.port import Change, OnlineStore

__all__ = ["Change", "OnlineStore"]
