"""The server as it is run: counted, reloaded, stopped, killed, behind a proxy and behind TLS."""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from omnimix.activation.decide.feedback import click_path, pixel_path
from omnimix.cli import main
from omnimix.testing.collector import WRITE_KEY, Collector, batch_of, free_port, made_up

pytestmark = [pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.xdist_group("server")]
JSON = {"Content_Type": "application/json"}
SHOP = "https://shop.example/"


def metrics(collector: Collector) -> dict[str, float]:
    """Every sample by name and labels."""
    status, text = collector.ask("GET", "/metrics")
    assert status == 200
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def processes(collector: Collector) -> list[int]:
    """Ids of the server's processes, the workers last."""
    assert collector.process is not None
    tasks = Path(f"/proc/{collector.process.pid}/task")
    return sorted(int(c) for task in tasks.iterdir() for c in (task / "children").read_text().split())


def eventually(act: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if act():
                return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def test_all_workers_are_counted_together(edge: Collector) -> None:
    name = 'omnimix_requests_total{path="/v1/batch",status="200"}'
    before = metrics(edge).get(name, 0)
    for number in range(30):  # connections of their own: both workers answer some
        assert edge.ask("POST", "/v1/batch", batch_of(made_up(1, seed=number, source="m")), **JSON)[0] == 200
    after = metrics(edge)
    assert after[name] == before + 30
    took = 'omnimix_request_seconds_bucket{le="+Inf",path="/v1/batch"}'
    assert after[took] == sum(v for k, v in after.items() if 'requests_total{path="/v1/batch"' in k)
    assert after["omnimix_inbox_bytes"] > 0
    samples = "\n".join(after)
    assert not re.search(r"[0-9a-f]{16}", samples)  # no ids in labels


def test_metrics_are_read_from_named_networks_only(edge: Collector) -> None:
    assert edge.ask("GET", "/metrics", X_Forwarded_For="203.0.113.9")[0] == 200  # this machine is no trusted proxy
    assert edge.ask("GET", "/nothing")[0] == 404


def test_logs_hold_nobody(edge: Collector, signed: Callable[..., str]) -> None:
    token = signed("click", "d-log", bound=SHOP, person="pf_nobody")
    edge.ask("GET", click_path(token, SHOP), User_Agent="A very rare browser")
    edge.ask("GET", pixel_path(token + "x"))
    edge.ask("POST", "/v1/feedback", b'{"feedback": [{"userId": "anna@shop.example"}]}', **JSON)
    said = edge.log.read_text(encoding="utf-8")
    for text in (token, "pf_nobody", "rare browser", "anna@", WRITE_KEY, "d-log"):
        assert text not in said


def test_rules_are_read_anew_without_a_failed_request(edge: Collector) -> None:
    assert edge.process is not None
    file = edge.root / "omnimix.toml"
    text = file.read_text(encoding="utf-8")
    statuses: Counter[int] = Counter()
    stop = threading.Event()

    def send(name: str) -> None:
        number = 0
        connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=30)
        while not stop.is_set():
            body = batch_of(made_up(2, seed=number, source=name))
            connection.request("POST", "/v1/batch", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
            number += 1
        connection.close()

    threads = [threading.Thread(target=send, args=(f"hup{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    new = json.dumps({"batch": made_up(1, seed=1, source="new"), "writeKey": "a-second-write-key"}).encode()
    try:
        assert edge.ask("POST", "/v1/batch", new, **JSON)[0] == 401
        file.write_text(text.replace('live = "', 'other = "a-second-write-key"\nlive = "'), encoding="utf-8")
        for _ in range(3):
            edge.process.send_signal(signal.SIGHUP)
            time.sleep(0.3)
        known = [eventually(lambda: edge.ask("POST", "/v1/batch", new, **JSON)[0] == 200) for _ in range(8)]
        file.write_text("[workspace", encoding="utf-8")  # a fault: the rules stay as they were
        edge.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert edge.ask("POST", "/v1/batch", new, **JSON)[0] == 200
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        file.write_text(text, encoding="utf-8")
    assert all(known)
    assert statuses.keys() == {200}
    assert statuses.total() > 50


def test_a_killed_worker_is_replaced(edge: Collector) -> None:
    before = processes(edge)
    counted = metrics(edge)['omnimix_requests_total{path="/health",status="200"}']
    for gone in (before[-1], before[0]):  # a worker, and a process beside the workers
        os.kill(gone, signal.SIGKILL)
    assert eventually(lambda: len(set(processes(edge)) - set(before)) == 2)
    assert eventually(lambda: edge.ask("GET", "/health")[0] == 200)
    assert eventually(lambda: metrics(edge)['omnimix_requests_total{path="/health",status="200"}'] > counted)


def test_the_kill_switch_reaches_every_worker(edge: Collector, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--workspace", str(edge.root)]

    def known() -> set[float]:
        return {metrics(edge)["omnimix_stopped_campaigns"] for _ in range(12)}  # by both workers, most likely

    assert main(["stop", "--all", "--why", "a wrong price", "--by", "anna", *at]) == 0
    assert eventually(lambda: known() == {1.0}, seconds=3)
    assert main(["stop", "--all", *at]) == 0
    assert main(["stop", "--list", "--json", *at]) == 0
    assert '"anna"' in capsys.readouterr().out  # the first stop stands
    assert main(["resume", "first", *at]) == 2
    assert main(["stop", "no-such-campaign", *at]) == 2
    assert main(["resume", "--all", *at]) == 0
    assert eventually(lambda: known() == {0.0}, seconds=3)
    assert main(["audit", "verify", *at]) == 0
    capsys.readouterr()
    assert main(["audit", "list", "--json", *at]) == 0
    done = [(e["actor"], e["action"]) for e in json.loads(capsys.readouterr().out)]
    assert ("anna", "campaign.stop") in done
    assert done[-1][1] == "campaign.resume"


def test_slow_bodies_and_too_many_at_once(edge: Collector) -> None:
    head = b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"
    slow = [socket.create_connection(("127.0.0.1", edge.port)) for _ in range(160)]
    for connection in slow:
        connection.sendall(head)
    time.sleep(0.4)
    crowded = [edge.ask("POST", "/v1/batch", batch_of(made_up(1, seed=1)), **JSON)[0] for _ in range(4)]
    assert edge.ask("GET", "/health")[0] == 200
    answers = [connection.recv(4096).split(b" ", 2)[1] for connection in slow]
    for connection in slow:
        connection.close()
    assert set(crowded) <= {200, 429}  # a connection goes to one worker or the other
    assert 429 in crowded
    assert set(answers) == {b"408", b"429"}  # came too slowly, or was too many


def certificate(folder: Path) -> None:
    """A self-made certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1))
        .not_valid_after(datetime(2020, 1, 1) + timedelta(days=40_000))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def test_tls_and_a_stop(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "shop", serve='cert = "cert.pem"\nkey = "key.pem"', port=free_port())
    certificate(collector.root)
    context = ssl.create_default_context(cafile=str(collector.root / "cert.pem"))

    def asked() -> bool:
        connection = http.client.HTTPSConnection("127.0.0.1", collector.port, timeout=5, context=context)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        finally:
            connection.close()

    with collector.spawned() as process:
        assert eventually(asked, seconds=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_tls_files_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collector = Collector(tmp_path / "shop", serve='cert = "omnimix.toml"\nkey = "omnimix.toml"')
    assert main(["serve", "-w", str(collector.root)]) == 2
    assert "serve.cert" in capsys.readouterr().err
    collector = Collector(tmp_path / "other", serve='cert = "omnimix.toml"')
    assert main(["serve", "-w", str(collector.root)]) == 2
    assert "TLS needs both files" in capsys.readouterr().out
