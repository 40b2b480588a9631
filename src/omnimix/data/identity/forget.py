"""A person who was forgotten stays so, whichever new key turns out to be theirs.

in   the link fact, the vault's list of forgotten keys
out  every key of a forgotten profile forgotten
"""

from datetime import datetime

import ibis
import pyarrow as pa

from omnimix.governance.vault import Vault
from omnimix.store.warehouse import Warehouse


def forget_linked(warehouse: Warehouse, vault: Vault, *, now: datetime) -> int:
    """Forget the keys that share a profile with a forgotten one. Returns how many there were."""
    gone = vault.forgotten()
    if not gone:
        return 0
    links = warehouse.table("link")
    marked = ibis.memtable(pa.table({"key": pa.array(sorted(gone), pa.string())}))
    theirs = links.semi_join(marked, "key").select("profile_id").distinct()
    keys = warehouse.arrow(links.semi_join(theirs, "profile_id").select("key"))["key"].to_pylist()
    new = sorted(set(keys) - gone)
    if new:
        vault.forget(new, now=now)
    return len(new)
