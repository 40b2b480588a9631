"""What keeps a server running: is it alive, may it be sent requests, what did it do.

in   GET /health, /ready, /metrics, /omnimix.js
out  200; 503 with the reasons; Prometheus text for all workers together; the browser snippet
"""

from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from omnimix.app import STATE
from omnimix.flow.collect import INBOX
from omnimix.flow.follow import position_of
from omnimix.web.answer import Answer, Refused, told
from omnimix.web.desk import RETRY_SECONDS, Desk, networks
from omnimix.web.endpoint import Endpoint, Gauge
from omnimix.web.gate import client_address, within
from omnimix.web.snippet import snippet
from omnimix.web.tally import BUCKETS, COUNTER, Series, totals

_CACHE = (("cache-control", "public, max-age=3600"), ("access-control-allow-origin", "*"))
_HELP = {
    "requests": "Requests answered, by path and status.",
    "request": "Seconds from the request to its answer.",
}


class Operations(Endpoint):
    """Tells of the server. `others` are the endpoints it tells of."""

    paths = ("/health", "/ready", "/metrics", "/omnimix.js")
    limited = False

    def __init__(self, desk: Desk, others: Sequence[Endpoint]) -> None:
        super().__init__(desk)
        self._others = others
        self._readers = networks(desk.serve.metrics_from)

    async def answer(self, scope: Any, protocol: Any) -> Answer:  # noqa: ARG002
        """200, or 503 with the reasons."""
        if scope.method not in ("GET", "HEAD"):
            raise Refused(405, "this is read with GET", ("allow", "GET, HEAD"))
        if scope.path == "/omnimix.js":
            return Answer(200, snippet(), (("content-type", "text/javascript; charset=utf-8"), *_CACHE))
        if scope.path == "/metrics":
            return self._metrics(scope)
        if scope.path == "/ready" and (reasons := [why for e in self._others if (why := e.trouble())]):
            answer = told(503, status="not ready", reasons=reasons)
            return answer.with_headers((("retry-after", str(RETRY_SECONDS)),))
        return told(200, status="ok")

    def _metrics(self, scope: Any) -> Answer:
        address = client_address(scope.client, scope.headers.get("x-forwarded-for"), self.desk.trusted)
        if not within(address, self._readers):
            raise Refused(403, "metrics are read from the networks in serve.metrics_from")
        gauges = [gauge for endpoint in self._others for gauge in endpoint.gauges()]
        gauges.append(("inbox_bytes", "Acknowledged and not yet settled.", self.desk.commits.waiting()))
        gauges.append(
            ("stopped_campaigns", "Stopped by the kill switch, as this worker knows.", len(self.desk.stops.now))
        )
        gauges.append(("follower_lag_bytes", "Acknowledged and not yet in online state.", self._behind()))
        text = exposition(totals(self.desk.folder), gauges)
        return Answer(200, text, (("content-type", "text/plain; version=0.0.4; charset=utf-8"),))

    def _behind(self) -> int:
        """Bytes of the inbox that the follower has not read."""
        position = position_of(self.desk.online) or {}
        behind = 0
        for log in (self.desk.settings.root / STATE / INBOX).glob("*.log"):
            try:
                behind += max(0, log.stat().st_size - position.get(log.name, (0, 0))[0])
            except FileNotFoundError:  # settled meanwhile
                continue
        return behind


def exposition(series: dict[Series, list[int]], gauges: Sequence[Gauge]) -> bytes:
    """Tallies and gauges in Prometheus' text format; every name begins with `omnimix_`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(series, gauges))
    return generate_latest(registry)


class _Told:
    """A collector, as the Prometheus client names what it asks for metrics."""

    def __init__(self, series: dict[Series, list[int]], gauges: Sequence[Gauge]) -> None:
        self._series, self._gauges = series, gauges

    def describe(self) -> Iterator[Metric]:
        yield from ()

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Any] = {}
        for (kind, name, labels), values in sorted(self._series.items()):
            names, texts = [k for k, _ in labels], [v for _, v in labels]
            said = _HELP.get(name, name.replace("_", " "))
            if kind == COUNTER:
                family = families.setdefault(name, CounterMetricFamily(f"omnimix_{name}", said, labels=names))
                family.add_metric(texts, values[0])
            else:
                made = HistogramMetricFamily(f"omnimix_{name}_seconds", said, labels=names)
                family = families.setdefault(name, made)
                family.add_metric(texts, _cumulative(values), values[-1] / 1e6)
        yield from families.values()
        for name, said, value in self._gauges:
            yield GaugeMetricFamily(f"omnimix_{name}", said, value=value)


def _cumulative(values: list[int]) -> list[tuple[str, float]]:
    """Upper bounds, each with how many took at most so long."""
    bounds, so_far, found = [*map(str, BUCKETS), "+Inf"], 0, []
    for bound, count in zip(bounds, values[:-1], strict=True):
        so_far += count
        found.append((bound, float(so_far)))
    return found
