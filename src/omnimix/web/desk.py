"""The desk: what a worker process works with; every endpoint gets it.

in   a workspace's rules and opened stores
out  a Desk; events that it keeps are on disk before its caller may acknowledge them
"""

import asyncio
import ipaddress
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from pathlib import Path
from typing import Any

from omnimix.activation.bid.bidder import Bidder
from omnimix.activation.decide.stop import stopped
from omnimix.activation.decide.token import Tokens
from omnimix.core.clock import Clock
from omnimix.data.live.call import Call, Envelope, Sender, packed
from omnimix.data.live.spec import Collect
from omnimix.governance.pseudonym import Pseudonyms
from omnimix.governance.seal import Seal
from omnimix.settings import Serve, Settings
from omnimix.store.inbox import Entry
from omnimix.store.online import OnlineStore
from omnimix.web.answer import Refused
from omnimix.web.commits import Commits
from omnimix.web.decider import Decider
from omnimix.web.gate import Networks, WriteKeys, client_address
from omnimix.web.tally import Tally

RETRY_SECONDS = 10
_LONGEST_AGENT = 512


class Stops:
    """Which campaigns are stopped, as last read from the online store."""

    def __init__(self, online: OnlineStore) -> None:
        self._online = online
        self.now: frozenset[str] = frozenset()
        self.renew()

    def renew(self) -> None:
        """Read them again."""
        self.now = stopped(self._online)


@dataclass(frozen=True)
class Desk:
    """What does not change (stores, keys) and what a reload replaces (`settings`)."""

    settings: Settings
    commits: Commits
    seal: Seal
    secret: bytes  # keys the ids of events that have none
    tokens: Tokens
    online: OnlineStore
    stops: Stops
    decider: Decider
    bidder: Bidder
    pseudonyms: Pseudonyms
    clock: Clock
    tally: Tally
    folder: Path  # the tallies of all workers

    @property
    def collect(self) -> Collect:
        """`[collect]`."""
        return self.settings.file.collect

    @property
    def serve(self) -> Serve:
        """`[serve]`."""
        return self.settings.file.serve

    @cached_property
    def write_keys(self) -> WriteKeys:
        """Who may send."""
        return WriteKeys(self.collect.write_keys)

    @cached_property
    def trusted(self) -> Networks:
        """Proxies whose word for the client's address is taken."""
        return networks(self.serve.trusted_proxies)

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return int(self.clock().replace(tzinfo=UTC).timestamp() * 1e6)

    def sender(self, scope: Any) -> Sender:
        """What a request says of its sender."""
        headers = scope.headers
        agent = headers.get("user-agent")
        return Sender(
            user_agent=agent[:_LONGEST_AGENT] if agent else None,
            address=client_address(scope.client, headers.get("x-forwarded-for"), self.trusted),
            gpc=headers.get("sec-gpc") == "1",
            purpose=(headers.get("sec-purpose") or headers.get("purpose") or "")[:_LONGEST_AGENT] or None,
        )

    async def keep(self, call: str, source: str, found: Call, body: bytes, sender: Sender) -> int:
        """Keep the events of a call; on disk when it returns. How many of them were new.

        Raises Refused (429) while too much waits to be settled, OSError when the disk refuses, TimeoutError.
        """
        if self.commits.is_full():
            raise Refused(
                429, "too much waits to be settled: try again later", ("retry-after", str(RETRY_SECONDS))
            )
        envelope = Envelope(self.now_us(), source, call, sender, found.ids, body)
        entry = Entry(found.keys, self.seal.close(packed(envelope)))
        async with asyncio.timeout(self.serve.seconds):
            return await self.commits.put(entry)


def networks(texts: tuple[str, ...]) -> Networks:
    """Networks like 10.0.0.0/8, read."""
    return [ipaddress.ip_network(text, strict=False) for text in texts]
