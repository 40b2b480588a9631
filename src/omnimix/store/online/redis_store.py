"""Online state in Redis or Valkey: shared by machines.

in   a client of the server, a prefix for this workspace's keys
out  an OnlineStore

A turn is two round trips: read the values, then one script that writes only if all of them are still what was
read, and otherwise answers with what they are now; then `make` is asked again. Of turns that meet on a key one
always goes through. What survives the end of the server is what its own persistence says: with `appendonly yes`
and `appendfsync everysec` at most a second is lost. The server must not evict keys (`noeviction`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from omnimix.core.errors import Unavailable
from omnimix.store.online.port import Make

_STEP = 1_000
# KEYS: read keys, written keys, journal. ARGV: how many are read and written; for each read key "" or "=" and its
# value as it was; for each written key the same (""  deletes it); the new entries.
_TURN = """
local reads, writes = tonumber(ARGV[1]), tonumber(ARGV[2])
local now, same = {}, true
for i = 1, reads do
  local value = redis.call('GET', KEYS[i])
  local told = value and ('=' .. value) or ''
  now[i] = told
  if told ~= ARGV[2 + i] then same = false end
end
if not same then return now end
for i = 1, writes do
  local told = ARGV[2 + reads + i]
  if told == '' then redis.call('DEL', KEYS[reads + i])
  else redis.call('SET', KEYS[reads + i], string.sub(told, 2)) end
end
for i = 3 + reads + writes, #ARGV do redis.call('RPUSH', KEYS[#KEYS], ARGV[i]) end
return 1
"""
_CUT = """
local base = tonumber(redis.call('GET', KEYS[2]) or '0')
local size = redis.call('LLEN', KEYS[1])
local upto = math.min(tonumber(ARGV[1]), base + size)
if upto > base then
  redis.call('LTRIM', KEYS[1], upto - base, -1)
  redis.call('SET', KEYS[2], string.format('%d', upto))
end
"""
_ENTRIES = """
local base = tonumber(redis.call('GET', KEYS[2]) or '0')
local from = math.max(tonumber(ARGV[1]), base)
return {from, redis.call('LRANGE', KEYS[1], from - base, from - base + tonumber(ARGV[2]) - 1)}
"""


class RedisStore:
    """The online state of one workspace behind `url`: redis://, rediss:// or unix://."""

    def __init__(self, url: str, *, prefix: bytes = b"omnimix:") -> None:
        try:
            import redis  # noqa: PLC0415  # optional extra
        except ImportError:
            raise Unavailable(
                "the client for Redis is not installed", where="storage.online", fix="install omnimix[redis]"
            ) from None
        self._away = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)
        self._refused: type[Exception] = redis.exceptions.ResponseError
        try:
            self._client: Any = redis.Redis.from_url(url)
        except ValueError:
            raise Unavailable(
                "it is no address of a Redis", where="storage.online", fix="redis://host:6379/0"
            ) from None
        self._prefix = prefix
        self._journal, self._base = prefix + b"\x00journal", prefix + b"\x00cut"
        self._turn = self._client.register_script(_TURN)
        self._cutting = self._client.register_script(_CUT)
        self._reading = self._client.register_script(_ENTRIES)

    def _asked(self, ask: Any, *given: Any, **named: Any) -> Any:
        """What the server answers. Raises Unavailable when it is away or takes no more."""
        try:
            return ask(*given, **named)
        except (*self._away, self._refused) as error:
            raise Unavailable(
                f"the online state's server does not do it: {type(error).__name__}",
                where="storage.online",
                fix="start it, let it not evict keys, and give it enough memory",
            ) from None

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See OnlineStore."""
        if not keys:
            return []
        found: list[bytes | None] = self._asked(self._client.mget, [self._prefix + key for key in keys])
        return found

    def change(self, keys: Sequence[bytes], make: Make) -> None:
        """See OnlineStore. `make` is called again, with the new values, when another turn came between."""
        values = self.read(keys)
        read = [self._prefix + key for key in keys]
        while True:
            wanted = make(values)
            written = [self._prefix + key for key in wanted.values]
            given = [len(read), len(written), *map(_told, values), *map(_told, wanted.values.values())]
            answer = self._asked(self._turn, [*read, *written, self._journal], [*given, *wanted.entries])
            if answer == 1:
                return
            values = [told[1:] if told else None for told in answer]

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """See OnlineStore; in no order."""
        whole = self._prefix + prefix
        quoted = b"".join(b"\\" + bytes([c]) if c in b"*?[]\\^-" else bytes([c]) for c in whole)
        seen: set[bytes] = set()  # the server may name a key twice
        at = None
        while at != 0:
            at, keys = self._asked(self._client.scan, at or 0, match=quoted + b"*", count=_STEP)
            new = sorted(set(keys) - seen)
            seen.update(new)
            values = self._asked(self._client.mget, new) if new else []
            for key, value in zip(new, values, strict=True):
                if value is not None:
                    yield key[len(self._prefix) :], value

    def entries(self, after: int, most: int) -> list[tuple[int, bytes]]:
        """See OnlineStore."""
        if most < 1:
            return []
        start, found = self._asked(self._reading, [self._journal, self._base], [after, most])
        return list(enumerate(found, start=int(start) + 1))

    def cut(self, upto: int) -> None:
        """See OnlineStore."""
        self._asked(self._cutting, [self._journal, self._base], [upto])

    def flush(self) -> None:
        """Nothing: the server's own persistence decides."""

    def close(self) -> None:
        """See OnlineStore."""
        self._client.close()


def _told(value: bytes | None) -> bytes:
    return b"" if value is None else b"=" + value
