"""What a sender's own words say: a known agent, a link scanner, a prefetch.

in   typed columns of events: library, user_agent, sent_by, fetched_for
out  for each event one of these three, or null

Agents are known by the list of monperrus/crawler-user-agents (MIT). What a server or an app sends on a visitor's
behalf comes under its own name and from its own address: there only `user_agent` and `ip_address`, which are the
visitor's, count. A browser's own request speaks for the visitor.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

AGENT, SCANNER, PREFETCH = "known agent", "link scanner", "prefetch"
FOLLOWED = (
    "omnimix links"  # events of links and pixels: the visitor's own browser, or mail program, asked for them
)
BROWSER_LIBRARIES = ("omnimix.js", "analytics.js", "rudderlabs javascript sdk", FOLLOWED)

# Mail gateways follow links before the person gets the mail (and Outlook looks for what it can open).
_GATEWAYS = (
    "barracuda|proofpoint|mimecast|ironport|ciscosecureemail|trend ?micro|tmes/|fortimail|fortinet|sophos"
    "|messagelabs|symantec|microsoft office existence discovery|safelinks"
)
# Pictures of an opened e-mail come through these, for a person who reads it; apps are called like their libraries.
_FOR_PEOPLE = {"GoogleImageProxy", "YahooMailProxy", "FastmailUA", "okhttp", "CFNetwork", "Dart"}
# Mail privacy protection loads every picture, read or not, under this bare name.
_BARE = "Mozilla/5.0"
_CHUNK = 50  # alternatives a pattern: one pattern of all is slower


def _patterns(scanners: bool) -> list[re.Pattern[str]]:
    known = [
        entry["pattern"]
        for entry in CRAWLER_USER_AGENTS_DATA
        if ("scanner" in entry["tags"]) == scanners and not any(n in entry["pattern"] for n in _FOR_PEOPLE)
    ]
    return [re.compile("|".join(known[i : i + _CHUNK])) for i in range(0, len(known), _CHUNK)]


_SCANNERS = [re.compile(_GATEWAYS, re.IGNORECASE), *_patterns(True)]
_AGENTS = _patterns(False)


@lru_cache(maxsize=50_000)
def robot_of(user_agent: str | None) -> str | None:
    """What a User-Agent says: AGENT, SCANNER, PREFETCH, or None where it says nothing of the kind."""
    if not user_agent:
        return None
    if user_agent.strip() == _BARE:
        return PREFETCH
    if any(p.search(user_agent) for p in _SCANNERS):
        return SCANNER
    return AGENT if any(p.search(user_agent) for p in _AGENTS) else None


def is_prefetch(fetched_for: str | None) -> bool:
    """Whether a Purpose or Sec-Purpose header says that nobody looks yet (W3C, Resource Hints; HTML, speculative
    loading).
    """
    return bool(fetched_for) and any(w in str(fetched_for).lower() for w in ("prefetch", "prerender", "preview"))


def from_browser(library: pa.Array) -> pa.Array:
    """Whether each event was sent by the visitor's own browser."""
    return pc.fill_null(pc.is_in(pc.utf8_lower(library), value_set=pa.array(BROWSER_LIBRARIES)), False)


def robots(library: pa.Array, user_agent: pa.Array, sent_by: pa.Array, fetched_for: pa.Array) -> pa.Array:
    """For each event what the sender's own words say of it. All arrays are text of the same length."""
    nothing = pa.nulls(len(library), pa.string())
    browser = from_browser(library)
    early = pc.if_else(browser, _by_distinct(fetched_for, lambda t: PREFETCH if is_prefetch(t) else None), nothing)
    sent = pc.if_else(browser, _by_distinct(sent_by, robot_of), nothing)
    return pc.coalesce(early, _by_distinct(user_agent, robot_of), sent)


def _by_distinct(texts: pa.Array, read: Callable[[str], str | None]) -> pa.Array:
    coded = texts.dictionary_encode()
    if not len(coded.dictionary):
        return pa.nulls(len(texts), pa.string())
    return pc.take(pa.array([read(t) for t in coded.dictionary.to_pylist()], pa.string()), coded.indices)
