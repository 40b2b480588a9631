"""The kill switch: campaigns that are stopped now, wherever they would be served.

in   the online store, a campaign's key or ALL
out  which campaigns are stopped; workers read it several times a second, `decide`, bids and channels obey it

A stop is brought to disk before it counts as done. It holds until somebody resumes; no run, release or restart
lifts it.
"""

import msgspec

from omnimix.core.errors import NotAllowed, NotFound
from omnimix.store.online import Change, OnlineStore

ALL = "*"
KEY = b"k:"


class Stop(msgspec.Struct, frozen=True, array_like=True):
    """Who stopped it, when (microseconds since 1970) and why."""

    at_us: int
    actor: str
    why: str = ""


_PACK, _UNPACK = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Stop)


def stop(store: OnlineStore, campaign: str, stop: Stop) -> None:
    """Stop a campaign, or ALL. One that is stopped stays so, under its first stop."""
    key = KEY + campaign.encode()
    store.change([key], lambda held: Change({} if held[0] is not None else {key: _PACK.encode(stop)}))
    store.flush()


def resume(store: OnlineStore, campaign: str) -> None:
    """Let a campaign be served again; ALL lifts every stop. Raises NotFound for what is not stopped."""
    keys = [key for key, _ in store.scan(KEY)] if campaign == ALL else [KEY + campaign.encode()]
    if campaign != ALL and store.read(keys) == [None]:
        everything = ALL in stops(store)
        raise NotFound(
            f"campaign {campaign!r} is not stopped",
            fix="omnimix resume --all: everything is stopped" if everything else "omnimix stop --list",
        )
    store.change([], lambda _: Change(dict.fromkeys(keys)))
    store.flush()


def stops(store: OnlineStore) -> dict[str, Stop]:
    """What is stopped, by campaign; ALL stands for everything."""
    return {key[len(KEY) :].decode(): _UNPACK.decode(value) for key, value in store.scan(KEY)}


def stopped(store: OnlineStore) -> frozenset[str]:
    """The campaigns that are stopped, ALL among them when everything is."""
    return frozenset(key[len(KEY) :].decode() for key, _ in store.scan(KEY))


def is_stopped(found: frozenset[str], campaign: str) -> bool:
    """Whether a campaign may not be served, by what `stopped` found."""
    return bool(found) and (campaign in found or ALL in found)


def refuse_stopped(store: OnlineStore, campaign: str) -> None:
    """Raises NotAllowed for a campaign that is stopped."""
    if is_stopped(stopped(store), campaign):
        name = "--all" if ALL in stopped(store) else campaign
        raise NotAllowed(f"campaign {campaign!r} is stopped", where=campaign, fix=f"omnimix resume {name}")
