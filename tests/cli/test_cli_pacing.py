"""`omnimix pacing`: figures and bars for people, one document for machines, a clear word for a wrong campaign."""

import json
from pathlib import Path

import pytest

from omnimix.cli.main import main
from omnimix.cli.pacing import bars


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    folder = str(tmp_path / "shop")
    assert main(["init", folder]) == 0
    capsys.readouterr()
    return folder


def test_plan_and_spent_of_a_fresh_shop(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pacing", "first", "-w", shop, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(found["plan"]) == found["daily"] == 50_000_000
    assert (found["spent_today"], found["workers"], found["missing"]) == (0, 0, [])
    assert main(["pacing", "first", "-w", shop, "--recount"]) == 0
    said = capsys.readouterr().out
    assert "50.00 GBP" in said
    assert "plan   │" in said


def test_a_campaign_that_is_not_there(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pacing", "nothing", "-w", shop]) == 2
    assert "nothing" in capsys.readouterr().err


def test_bars_rise_with_what_they_show() -> None:
    assert bars((0, 1, 400, 800), 800) == " ▁▄█"
