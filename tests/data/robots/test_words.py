"""What a sender's own words say, and which network an event came from."""

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.data.robots.network import networks, truncated
from omnimix.data.robots.words import AGENT, PREFETCH, SCANNER, is_prefetch, robot_of, robots
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.pseudonym import Pseudonyms

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
AGENTS = [
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", AGENT),
    (CHROME.replace("Chrome", "HeadlessChrome"), AGENT),
    ("python-requests/2.32.3", AGENT),
    ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", AGENT),
    ("Mozilla/5.0 (compatible; Barracuda Link Protection)", SCANNER),
    ("Mimecast URL scanner", SCANNER),
    ("Mozilla/5.0", PREFETCH),
    (CHROME, None),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile Safari/604.1",
        None,
    ),
    ("Mozilla/5.0 (Linux; Android 14; CUBOT P80) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36", None),
    ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", None),
    ("okhttp/4.12.0", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("agent", "wanted"), AGENTS)
def test_agents(agent: str | None, wanted: str | None) -> None:
    assert robot_of(agent) == wanted


@pytest.mark.parametrize(
    ("header", "wanted"), [("prefetch", True), ("prefetch;prerender", True), ("", False), (None, False)]
)
def test_prefetch(header: str | None, wanted: bool) -> None:
    assert is_prefetch(header) is wanted


@pytest.mark.parametrize("library", ["analytics-python", "analytics-node", None])
def test_a_server_speaks_for_others_not_for_itself(library: str | None) -> None:
    """The request of a server comes from a data centre, under a library's name: that says nothing of the
    visitor."""
    bot = "python-requests/2.32.3"
    column = [pa.array([value], pa.string()) for value in (library, CHROME, bot, "prefetch")]
    assert robots(*column).to_pylist() == [None]
    column[1] = pa.array([bot], pa.string())
    assert robots(*column).to_pylist() == [AGENT]


@pytest.mark.parametrize(
    ("sent_by", "header", "wanted"),
    [(AGENTS[0][0], None, AGENT), (CHROME, "prefetch", PREFETCH), (CHROME, None, None)],
)
def test_a_browser_speaks_for_its_visitor(sent_by: str, header: str | None, wanted: str | None) -> None:
    column = [pa.array([value], pa.string()) for value in ("omnimix.js", None, sent_by, header)]
    assert robots(*column).to_pylist() == [wanted]


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("[2001:db8:1::9]", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("unknown", None),
        ("", None),
    ],
)
def test_addresses_are_cut(address: str, wanted: str | None) -> None:
    assert truncated(address) == wanted


@given(st.ip_addresses(), st.ip_addresses())
def test_neighbours_share_a_name_for_a_day(one: object, other: object) -> None:
    pseudonyms = Pseudonyms(WorkspaceKey(b"k" * 32))
    days = pa.array(
        [datetime(2026, 11, 1, 8), datetime(2026, 11, 1, 20), datetime(2026, 11, 2)], pa.timestamp("us")
    )
    first = networks(pa.array([str(one)] * 3), days, pseudonyms).to_pylist()
    second = networks(pa.array([str(other)] * 3), days, pseudonyms).to_pylist()
    assert first[0] == first[1] != first[2]
    assert (first == second) == (truncated(str(one)) == truncated(str(other)))
    assert not any(str(one) in name for name in first)
