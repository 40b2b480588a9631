"""One real server with two workers for everything that is asked of it over HTTP."""

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from omnimix.activation.decide.token import Tokens
from omnimix.app import KEY_FILE, machine_of, settings_of
from omnimix.flow.collect import settle_waiting
from omnimix.governance.keys import load_key
from omnimix.testing.collector import Collector

SERVE = """workers = 2
seconds = 2
waiting = 24
trusted_proxies = ["10.9.0.0/16"]
"""


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """The server. Nothing is settled while it runs but by `settled`."""
    with Collector(tmp_path_factory.mktemp("edge") / "shop", serve=SERVE).start("--no-settle") as collector:
        yield collector


@pytest.fixture(scope="session")
def signed(edge: Collector) -> Callable[..., str]:
    """Signs tokens as the server does."""
    tokens = Tokens(load_key(path=edge.root / KEY_FILE))

    def sign(kind: str, decision: str, *, seconds: float = 3_600, bound: str = "", person: str = "pf_1") -> str:
        return tokens.signed(
            kind,
            decision_id=decision,
            variant_id="gift-proof-1a2b3c4d",
            campaign="first",
            person=person,
            expires_us=int((time.time() + seconds) * 1e6),
            bound=bound,
        )

    return sign


@pytest.fixture
def settled(edge: Collector) -> Callable[[str], list[dict[str, Any]]]:
    """The events of a decision, once what waits is settled."""

    def find(decision: str) -> list[dict[str, Any]]:
        with machine_of(settings_of(edge.root, os.environ), os.environ) as machine:
            settle_waiting(machine)
            rows = machine.warehouse.arrow(machine.warehouse.table("event")).to_pylist()
        return [r for r in rows if json.loads(r["properties"] or "{}").get("decision_id") == decision]

    return find
