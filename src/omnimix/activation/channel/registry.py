"""Find an adapter by the name it is registered under.

in   a name, a Setup
out  a Channel; or NotFound that lists what is installed
"""

from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points

from omnimix.activation.channel.port import Channel, Setup
from omnimix.core.errors import NotFound, Unavailable

GROUP = "omnimix.channels"


@lru_cache(maxsize=1)
def _entries() -> EntryPoints:
    """Looked up once: every file of every installed package is read for it."""
    return entry_points(group=GROUP)


def installed() -> tuple[str, ...]:
    """Names of the adapters that are installed."""
    return tuple(sorted({e.name for e in _entries()}))


def load(name: str, setup: Setup) -> Channel:
    """The adapter registered as `name`. Raises NotFound, and Unavailable when it cannot be imported."""
    found = [e for e in _entries() if e.name == name]
    if not found:
        raise NotFound(
            f"no channel {name!r} is installed",
            where="channels of the campaign file",
            fix=f"choose from {', '.join(installed()) or 'none'}, or install the package that brings it",
        )
    return _imported(found[0], setup)


def _imported(entry: EntryPoint, setup: Setup) -> Channel:
    try:
        adapter = entry.load()
    except (ImportError, AttributeError) as error:
        raise Unavailable(
            f"channel {entry.name!r} cannot be imported: {error}",
            where=entry.value,
            fix="install what it needs",
        ) from None
    channel: Channel = adapter(setup)
    return channel
