"""Tallies: sums over workers that never fall, told as Prometheus reads them."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from omnimix.web.operations import exposition
from omnimix.web.tally import BUCKETS, Tally, begin, totals

PATHS = ("/v1/batch", "/health")


def counts(folder: Path) -> dict[str, int]:
    return {dict(labels)["path"]: v[0] for (kind, _, labels), v in totals(folder).items() if kind == "counter"}


def test_workers_add_up_and_successors_count_on(tmp_path: Path) -> None:
    first, second = Tally(tmp_path), Tally(tmp_path)
    first.counter("requests", path="/a").add(3)
    second.counter("requests", path="/b").add(5)
    second.counter("requests", path="/a").add(2)
    assert counts(tmp_path) == {"/a": 5, "/b": 5}
    second.close()
    third = Tally(tmp_path)  # in the place of the second
    assert len(list(tmp_path.iterdir())) == 2
    third.counter("requests", path="/c").add()
    third.counter("requests", path="/a").add()
    assert counts(tmp_path) == {"/a": 6, "/b": 5, "/c": 1}
    for tally in (first, third):
        tally.close()
    begin(tmp_path)
    assert totals(tmp_path) == {}


def test_a_killed_worker_keeps_what_it_counted(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        Tally(tmp_path).counter("requests", path="/a").add(7)
        os._exit(9)
    os.waitpid(child, 0)
    tally = Tally(tmp_path)
    tally.counter("requests", path="/a").add()
    assert counts(tmp_path) == {"/a": 8}
    tally.close()


def test_too_many_labels_fail_nobody(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    for number in range(9_000):
        tally.counter("requests", path=f"/{number}").add()
    told = counts(tmp_path)
    assert 1_000 < len(told) < 9_000
    assert set(told.values()) == {1}
    tally.close()


@given(st.lists(st.tuples(st.sampled_from(PATHS), st.integers(0, 20_000_000_000)), max_size=12))
def test_prometheus_reads_what_is_told(tmp_path: Path, took: list[tuple[str, int]]) -> None:
    begin(tmp_path)
    workers = [Tally(tmp_path), Tally(tmp_path)]
    for place, (path, nanoseconds) in enumerate(took):
        workers[place % 2].histogram("request", path=path).took(nanoseconds)
    text = exposition(totals(tmp_path), [("inbox_bytes", "Waiting.", 12.0)]).decode()
    for tally in workers:
        tally.close()
    samples = {
        (s.name, s.labels.get("path"), s.labels.get("le")): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }
    assert samples["omnimix_inbox_bytes", None, None] == 12
    for path in {path for path, _ in took}:
        own = [n for p, n in took if p == path]
        assert samples["omnimix_request_seconds_count", path, None] == len(own)
        assert abs(samples["omnimix_request_seconds_sum", path, None] - sum(own) / 1e9) <= 1e-6 * len(own) + 1e-9
        for bound in BUCKETS:
            at_most = sum(1 for n in own if n <= bound * 1e9)
            assert samples["omnimix_request_seconds_bucket", path, str(bound)] == at_most
