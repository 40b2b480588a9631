"""The real server as processes of its own: unmodified clients, statuses, full inbox, a stop in the middle."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnimix.app import machine_of, settings_of
from omnimix.cli import main
from omnimix.flow.collect import settle_waiting
from omnimix.testing.collector import WRITE_KEY, Collector, batch_of, made_up

pytestmark = [pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.xdist_group("server")]
HERE = Path(__file__).parent
JSON = {"Content_Type": "application/json"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with Collector(tmp_path_factory.mktemp("collect") / "shop", lines="waiting_mb = 1") as opened:
        yield opened


@pytest.fixture
def collector(shop: Collector) -> Collector:
    """The server, running, its inbox empty."""
    settle(shop)
    return shop if shop.process else shop.start("--no-settle")


def settle(collector: Collector) -> None:
    with machine_of(settings_of(collector.root, os.environ), os.environ) as machine:
        settle_waiting(machine)


def stored(collector: Collector) -> Counter[str]:
    with machine_of(settings_of(collector.root, os.environ), os.environ) as machine:
        settle_waiting(machine)
        return Counter(machine.warehouse.arrow(machine.warehouse.table("event"))["event_id"].to_pylist())


def known(collector: Collector) -> int:
    with machine_of(settings_of(collector.root, os.environ), os.environ) as machine:
        settle_waiting(machine)
        if not any(machine.warehouse.local.root.glob("ingested_line/**/*.parquet")):
            return 0  # nothing was ever settled here
        return machine.warehouse.arrow(machine.warehouse.table("ingested_line").distinct()).num_rows


def test_the_three_clients(collector: Collector) -> None:
    python = [sys.executable, str(HERE / "senders.py")]
    commands = [[*python, kind, collector.url, WRITE_KEY, "120", kind] for kind in ("segment", "rudder")]
    if (HERE / "node" / "node_modules").exists():
        node = str(Path(sys.executable).with_name("node"))
        commands.append([node, str(HERE / "node" / "send.mjs"), collector.url, WRITE_KEY, "120", "node"])
    before = known(collector)
    running = [subprocess.Popen(c, stdout=subprocess.DEVNULL) for c in commands]
    assert [process.wait(60) for process in running] == [0] * len(commands)
    assert known(collector) == before + 120 * len(commands)
    assert set(stored(collector).values()) == {1}


def test_statuses_repetitions_and_the_stop(collector: Collector) -> None:
    ask = collector.ask
    batch = batch_of(made_up(5, seed=1))
    assert ask("POST", "/v1/batch", batch, **JSON) == (200, b'{"success":true}')
    assert ask("POST", "/v1/batch", batch, **JSON)[0] == 200  # again: known already
    wrong = json.dumps({"batch": [], "writeKey": "nobody-knows-it"}).encode()
    assert ask("POST", "/v1/batch", wrong, **JSON)[0] == 401
    assert ask("POST", "/v1/batch", b"{", **JSON)[0] == 400
    assert ask("POST", "/v1/batch", b" " * 600_000, **JSON)[0] == 413
    assert ask("POST", "/v1/batch", batch, Content_Type="text/html")[0] == 415
    assert ask("GET", "/v1/batch")[0] == 405
    assert ask("GET", "/v1/nothing")[0] == 404
    assert ask("OPTIONS", "/v1/batch", Origin="https://shop.example")[0] == 204
    assert ask("GET", "/health")[0] == ask("GET", "/ready")[0] == ask("GET", "/omnimix.js")[0] == 200
    _stopped_while_sending(collector)
    said = collector.log.read_text(encoding="utf-8")
    assert "127.0.0.1" not in said.replace(f"http://127.0.0.1:{collector.port}", "")
    assert WRITE_KEY not in said


def _stopped_while_sending(collector: Collector) -> None:
    """SIGTERM in the middle: what was acknowledged is there, once."""
    acknowledged: list[str] = []

    def send() -> None:
        for number in range(10_000):
            events = made_up(5, seed=100 + number, source="s")
            try:
                if collector.ask("POST", "/v1/batch", batch_of(events), **JSON)[0] != 200:
                    return
            except OSError:
                return
            acknowledged.extend(e["messageId"] for e in events)

    thread = threading.Thread(target=send)
    thread.start()
    while len(acknowledged) < 50:
        thread.join(0.01)
    collector.stop()
    thread.join()
    found = stored(collector)
    assert set(acknowledged) <= found.keys()
    assert set(found.values()) == {1}
    assert sum(1 for i in found if i.startswith("b-")) == 5


def test_a_full_inbox_asks_senders_to_wait(collector: Collector) -> None:
    statuses = []
    for number in range(8):
        body = batch_of(made_up(500, seed=number, source="full"))
        statuses.append(collector.ask("POST", "/v1/batch", body, **JSON)[0])
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert collector.ask("GET", "/ready")[0] == 503
    found = stored(collector)
    assert sum(1 for i in found if i.startswith("full-")) == 500 * statuses.count(200)
    while collector.ask("GET", "/ready")[0] != 200:
        pass
    again = batch_of(made_up(500, seed=99, source="full"))
    assert collector.ask("POST", "/v1/batch", again, **JSON)[0] == 200


def test_without_a_write_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "shop")]) == 0
    assert main(["serve", "-w", str(tmp_path / "shop")]) == 2
    assert "write_keys" in capsys.readouterr().err


def test_settle_without_anything_waiting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "shop")]) == 0
    assert main(["settle", "-w", str(tmp_path / "shop")]) == 0
    assert "nothing waits" in capsys.readouterr().out
