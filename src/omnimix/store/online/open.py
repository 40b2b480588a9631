"""Which store of online state a workspace has.

in   `[storage] online`: "" or the address of a server; the workspace's folder
out  an OnlineStore, opened
"""

from pathlib import Path

from omnimix.core.errors import InvalidInput
from omnimix.store.online.lmdb_store import MAP_BYTES, LmdbStore
from omnimix.store.online.port import OnlineStore
from omnimix.store.online.redis_store import RedisStore

SERVERS = ("redis://", "rediss://", "unix://")


def open_online(url: str, folder: Path, *, map_bytes: int = MAP_BYTES) -> OnlineStore:
    """LMDB in `folder` for "", else the server at `url`. Raises InvalidInput for another kind of address,
    Unavailable without the client."""
    if not url:
        return LmdbStore(folder, map_bytes=map_bytes)
    if not url.startswith(SERVERS):
        raise InvalidInput(
            "it is no address of a store of online state",
            where="storage.online",
            fix="leave it out for LMDB in the workspace, or give redis://host:6379/0 or unix:///path/to/socket",
        )
    return RedisStore(url)
