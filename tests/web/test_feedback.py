"""Feedback over HTTP: counted once, by nobody but whom it was given to, and never a way to elsewhere."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.decide.feedback import click_path, pixel_path
from omnimix.testing.collector import WRITE_KEY, Collector

pytestmark = [pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.xdist_group("server")]
JSON = {"Content_Type": "application/json"}
SHOP = "https://shop.example/sale?size=l&x=ü"
Sign = Callable[..., str]
Find = Callable[[str], list[dict[str, Any]]]


def report(collector: Collector, *reports: dict[str, Any], key: str = "") -> tuple[int, Any]:
    """Status and answer of POST /v1/feedback."""
    body = json.dumps({"writeKey": key, "feedback": reports}).encode()
    status, answer = collector.ask("POST", "/v1/feedback", body, **JSON)
    return status, json.loads(answer)


def test_a_click_leads_on_and_counts_once_a_sender(edge: Collector, signed: Sign, settled: Find) -> None:
    path = click_path(signed("click", "d-click", bound=SHOP), SHOP)
    status, headers = edge.head("GET", path)
    assert status == 302
    assert headers["location"] == "https://shop.example/sale?size=l&x=%C3%BC"
    assert "no-store" in headers["cache-control"]
    for _ in range(2):
        assert edge.ask("GET", path)[0] == 302
    assert edge.ask("HEAD", path)[0] == 302  # only looked
    assert edge.ask("GET", path, User_Agent="Barracuda Sentinel (EE)")[0] == 302  # a link scanner
    found = settled("d-click")
    assert [r["name"] for r in found] == ["Ad Clicked"] * 2
    assert sorted(str(r["robot"]) for r in found) == ["None", "link scanner"]
    assert {r["source"] for r in found} == {"feedback"}


def test_links_lead_nowhere_else(edge: Collector, signed: Sign, settled: Find) -> None:
    token = signed("click", "d-evil", bound=SHOP)
    evil = "https://evil.example/"
    script = "javascript:alert(1)"
    for path in (
        click_path(token, evil),
        click_path(token[:-2] + "AA", SHOP),
        click_path(signed("view", "d-evil", bound=SHOP), SHOP),
        click_path(signed("click", "d-evil", bound=script), script),
        f"/c/{token}",
        f"/c/{token}?u={evil}&u=https%3A%2F%2Fshop.example",
        "/c/",
        pixel_path(token),
    ):
        status, headers = edge.head("GET", path)
        assert (status, headers.get("location")) == (404, None), path
    assert settled("d-evil") == []


def test_what_expired_leads_on_and_counts_no_more(edge: Collector, signed: Sign, settled: Find) -> None:
    path = click_path(signed("click", "d-old", seconds=-120, bound=SHOP), SHOP)
    assert edge.ask("GET", path)[0] == 302
    assert edge.ask("GET", pixel_path(signed("open", "d-old", seconds=-120)))[0] == 200
    assert report(edge, {"token": signed("view", "d-old", seconds=-120)})[0] == 403
    assert settled("d-old") == []


def test_a_pixel(edge: Collector, signed: Sign, settled: Find) -> None:
    path = pixel_path(signed("view", "d-seen"))
    status, headers = edge.head("GET", path)
    assert (status, headers["content-type"]) == (200, "image/gif")
    assert "no-store" in headers["cache-control"]
    assert edge.ask("GET", path, Sec_Purpose="prefetch;prerender", User_Agent="another")[0] == 200
    assert edge.ask("POST", path)[0] == 405
    assert sorted((r["name"], r["robot"] or "") for r in settled("d-seen")) == [
        ("Ad Viewed", ""),
        ("Ad Viewed", "prefetch"),
    ]


def test_reports(edge: Collector, signed: Sign, settled: Find) -> None:
    view = {"token": signed("view", "d-told")}
    order = {"kind": "conversion", "decisionId": "d-told", "orderId": "o1", "revenue": 12.5, "currency": "GBP"}
    back = order | {"kind": "refund", "revenue": 2.5, "userId": "u-1"}
    assert report(edge, view) == (200, {"success": True, "accepted": 1})
    for _ in range(2):
        assert report(edge, view, order, back, key=WRITE_KEY)[0] == 200
    assert report(edge, order)[0] == 401  # orders need a write key
    assert report(edge, order, key="nobody-knows-it")[0] == 401
    status, said = report(edge, view, {"kind": "click"}, key=WRITE_KEY)
    assert (status, said["message"].partition(":")[0]) == (400, "feedback[1]")
    assert report(edge, {"kind": "order", "decisionId": "d"}, key=WRITE_KEY)[0] == 400
    assert report(edge, view | {"kind": "click"})[0] == 403
    assert report(edge, *[view] * 1_001)[0] == 413
    found = {r["name"]: r for r in settled("d-told")}
    assert found.keys() == {"Ad Viewed", "Order Completed", "Order Refunded"}
    assert found["Order Completed"]["revenue_minor"] == 1250
    assert len(settled("d-told")) == 3


def test_browsers_may_send_it(edge: Collector, signed: Sign) -> None:
    status, headers = edge.head("OPTIONS", "/v1/feedback", Origin="https://shop.example")
    assert (status, headers["access-control-allow-origin"]) == (204, "https://shop.example")
    body = json.dumps({"feedback": [{"token": signed("view", "d-cors")}]}).encode()
    status, headers = edge.head(
        "POST", "/v1/feedback", body, Origin="https://shop.example", Content_Type="text/plain"
    )
    assert (status, headers["access-control-allow-origin"]) == (200, "https://shop.example")


@settings(max_examples=60)
@given(
    path=st.sampled_from(["/c/", "/o/"]),
    token=st.text("AZaz09-_.%=", max_size=160),
    query=st.text("u=htps:/.%0Ad&", max_size=40),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
)
def test_no_nonsense_is_taken(edge: Collector, path: str, token: str, query: str, method: str) -> None:
    status, headers = edge.head(method, f"{path}{token}?{query}")
    assert status in (404, 405)
    assert "location" not in headers


@settings(max_examples=40)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["feedback", "token", "kind", "x"]), inner, max_size=3)
            ),
            max_leaves=8,
        ).map(lambda said: json.dumps(said).encode()),
    )
)
def test_no_body_is_a_fault(edge: Collector, body: bytes) -> None:
    assert edge.ask("POST", "/v1/feedback", body, **JSON)[0] in (200, 400, 401, 403)
