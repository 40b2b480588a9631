"""The demo, whole: real orders through every stage, four channels, six simulated weeks, one report."""

import csv
import json
import os
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from omnimix.app import machine_of, settings_of
from omnimix.cli import main
from omnimix.store.facts import SCHEMAS

SIZES = {
    "landscape": (1200, 628),
    "square": (1080, 1080),
    "portrait": (1080, 1350),
    "story": (1080, 1920),
    "leaderboard": (728, 90),
    "rectangle": (300, 250),
    "skyscraper": (160, 600),
}
pytestmark = pytest.mark.xdist_group("demo")  # one worker runs it once


class Demo(NamedTuple):
    """A finished demo: its folder and the account of its run."""

    root: Path
    steps: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run the demo once for all tests here."""
    root = tmp_path_factory.mktemp("demo") / "demo"
    printed = StringIO()
    with redirect_stdout(printed):
        code = main(["demo", str(root), "--json"])
    assert code == 0, printed.getvalue()
    return Demo(root, {s["stage"]: s for s in json.loads(printed.getvalue())["steps"]})


def test_every_stage_says_what_came_in_and_what_went_out(demo: Demo) -> None:
    assert list(demo.steps) == [
        *("ingest", "matching", "identity", "consent", "robots", "catalogue", "enrichment", "journey", "pain"),
        *("value", "segments", "personas", "online state", "briefs", "copy", "pictures"),
        *(
            "checks",
            "review",
            "release",
            "power",
            "channel google_ads_editor",
            "channel meta_bulk",
            "channel microsoft_bulk",
        ),
        *("channel email_files", "simulated market", "measurement", "release of what was learnt", "report"),
    ]
    for step in demo.steps.values():
        assert step["seconds"] >= 0
        if step["unit_in"] == step["unit_out"]:
            accounted = step["rows_out"] + step["rejected"] + sum(step.get("set_aside", {}).values())
            assert step["rows_in"] == accounted, step


def test_known_counts_of_the_real_orders(demo: Demo) -> None:
    assert demo.steps["ingest"]["order_line rows"] == 541_909
    assert demo.steps["ingest"]["profiles"] == 4_372
    assert demo.steps["ingest"]["rejected"] == 0
    assert demo.steps["segments"]["rows_in"] == 4_372


def test_a_picture_in_every_size_for_every_brief(demo: Demo) -> None:
    briefs = json.loads((demo.root / ".omnimix/artifacts/autumn_gifts/briefs.json").read_text())
    assert len(briefs) >= 4
    for brief in briefs:
        folder = demo.root / "out" / "creatives" / "autumn_gifts" / brief["key"]
        made = {p.stem for p in folder.rglob("*.png")}
        assert made == set(SIZES), brief["key"]
    for path in (demo.root / "out" / "creatives").rglob("*.png"):
        with Image.open(path) as picture:
            assert picture.size == SIZES[path.stem]


def rows(path: Path, encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def test_files_that_the_platforms_import(demo: Demo) -> None:
    channels = demo.root / "out" / "channels"
    google = rows(channels / "google_ads_editor.csv")
    search = [r for r in google if r.get("Ad type") == "Responsive search ad"]
    assert search
    for ad in search:
        headlines = [ad[f"Headline {i}"] for i in range(1, 16)]
        assert all(0 < len(h) <= 30 for h in headlines)
        assert len(set(headlines)) == 15
        assert all(0 < len(ad[f"Description {i}"]) <= 90 for i in range(1, 5))
    meta = rows(channels / "meta_bulk.csv")
    assert {r["Campaign Status"] for r in meta} == {"PAUSED"}
    microsoft = rows(channels / "microsoft_bulk.csv")
    assert microsoft[0]["Type"] == "Format Version"
    assert {r["Status"] for r in microsoft if r["Type"] in ("Campaign", "Responsive Search Ad")} == {"Paused"}
    mails = list((channels / "email_files").glob("*.html"))
    assert len(mails) >= 4
    assert all("unsubscribe" in m.read_text().lower() for m in mails if "-" in m.stem)


def test_no_stock_descriptions_or_shouting_in_copy(demo: Demo) -> None:
    variants = json.loads((demo.root / ".omnimix/artifacts/autumn_gifts/variants.json").read_text())
    for variant in variants:
        words = [
            *variant["headlines"],
            *variant["descriptions"],
            variant["long_headline"],
            variant["primary_text"],
        ]
        words += [variant["email"]["subject"], variant["email"]["preheader"], *variant["email"]["body"]]
        for text in words:
            assert not re.search(r"\b\d{5}[A-Z]?\b", text), text  # stock codes
            shouted = [w for w in re.findall(r"\b[A-Z]{3,}\b", text) if w not in ("LED",)]
            assert not shouted, text
            assert "  " not in text
            assert "…" not in text


def test_what_is_simulated_says_so(demo: Demo) -> None:
    report = (demo.root / "out" / "report.html").read_text(encoding="utf-8")
    assert report.count("SIMULATED") + report.lower().count("simulated") > 20
    assert not re.search(r'(src|href)="https?://', report)
    assert len(report.encode()) < 6_000_000


@pytest.fixture(scope="module")
def facts(demo: Demo) -> Iterator[Any]:
    """The demo's warehouse."""
    settings = settings_of(demo.root, os.environ)
    with machine_of(settings, os.environ) as machine:
        yield machine.warehouse


def test_everything_the_market_made_is_marked(facts: Any) -> None:
    for fact in ("exposure", "conversion"):
        marks = facts.arrow(facts.table(fact).select("simulated").distinct())["simulated"].to_pylist()
        assert marks == [True]
    assert set(facts.table("exposure").columns) == set(SCHEMAS["exposure"].names)


def test_nobody_in_the_holdout_saw_anything(facts: Any) -> None:
    shown = facts.table("exposure")
    assert facts.arrow(shown.filter(shown.lane == "none")).num_rows == 0


def test_what_is_promoted_was_planted(demo: Demo) -> None:
    """The market planted an effect of its own creative in some segments: no other may be promoted to it."""
    truth = json.loads((demo.root / ".omnimix/artifacts/autumn_gifts/truth.json").read_text())
    readings = json.loads((demo.root / ".omnimix/artifacts/autumn_gifts/readings.json").read_text())
    promoted = {p["segment"] for r in readings for p in r["promotions"] if p["rung"] != "broad"}
    planted = {key for key, s in truth["segments"].items() if s["effects"].get("segment", 0) > 0}
    assert promoted <= planted
    assert promoted


def test_the_audit_is_intact_and_running_again_changes_nothing(
    demo: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verify", "-w", str(demo.root)]) == 0
    capsys.readouterr()
    before = {p: p.stat().st_mtime_ns for p in (demo.root / "out" / "creatives").rglob("*.png")}
    assert main(["demo", str(demo.root), "--json"]) == 0
    again = {s["stage"]: s for s in json.loads(capsys.readouterr().out)["steps"]}
    assert again["ingest"]["order_line rows"] == 541_909
    assert sum(s["resumed"] for s in again.values()) >= 10
    assert before == {p: p.stat().st_mtime_ns for p in before}
