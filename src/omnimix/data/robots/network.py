"""Which network an event came from, without telling where anybody is.

in   IP addresses, the instants of events
out  `net:` and 32 hex characters: the pseudonym of a day and a truncated address (/24 of IPv4, /48 of IPv6)

Events of one network can be told to belong together for a day; across days, and back to an address, nothing leads
without the workspace key.
"""

from functools import lru_cache
from ipaddress import ip_address, ip_network

import pyarrow as pa
import pyarrow.compute as pc

from omnimix.governance.pseudonym import Pseudonyms

_KEPT_BITS = {4: 24, 6: 48}


@lru_cache(maxsize=50_000)
def truncated(address: str) -> str | None:
    """The network of an address: `203.0.113.0/24`; None for what is no address. IPv4 in IPv6 counts as IPv4."""
    try:
        found = ip_address(address.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ip_network((found, _KEPT_BITS[found.version]), strict=False))


def networks(addresses: pa.Array, occurred_at: pa.Array, pseudonyms: Pseudonyms) -> pa.Array:
    """The pseudonym of each event's day and network; null without an address."""
    days = pc.strftime(occurred_at, format="%Y-%m-%d")
    named = pc.binary_join_element_wise(days, addresses, "\x1f").dictionary_encode()
    if not len(named.dictionary):
        return pa.nulls(len(addresses), pa.string())
    found: list[str | None] = []
    for text in named.dictionary.to_pylist():
        day, _, address = text.partition("\x1f")
        network = truncated(address)
        found.append(None if network is None else pseudonyms.of("net", f"{day}\x1f{network}"))
    return pc.take(pa.array(found, pa.string()), named.indices)
