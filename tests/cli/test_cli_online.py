"""`omnimix online`: counts, agreement and disagreement, one person."""

import json
import os
from pathlib import Path

import pytest

from omnimix.activation.decide.grow import updated
from omnimix.activation.decide.state import Event, State, packed, state_key
from omnimix.app import STATE
from omnimix.cli import main
from omnimix.store.online import Change
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.testing.collector import Collector


def test_rebuild_check_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--workspace", str(Collector(tmp_path / "shop", port=8484).root), "--json"]

    def told(*command: str) -> tuple[int, dict[str, object]]:
        code = main(["online", *command, *where])
        return code, json.loads(capsys.readouterr().out)

    assert told("rebuild") == (0, {"people": 0})
    assert told("check") == (0, {"disagreements": 0, "first": []})
    stranger = updated(State("pf_1"), Event("e", "Product Viewed", 10**15, product="P1", category="Kitchen"))
    store = LmdbStore(tmp_path / "shop" / STATE / "online")
    store.change([], lambda _: Change({state_key("pf_1"): packed(stranger)}))
    store.close()
    first = {"person": "pf_1", "field": "person", "live": "known", "facts": "nobody"}
    assert told("check") == (1, {"disagreements": 1, "first": [first]})
    code, shown = told("show", "pf_1")
    assert (code, shown["categories"]) == (0, {"Kitchen": 1})
    assert main(["online", "show", "pf_2", *where]) == 2
    assert "pf_2" in capsys.readouterr().out
    assert told("rebuild") == (0, {"people": 0})
    assert told("check")[0] == 0
    assert not os.environ.get("OMNIMIX_KEY")
