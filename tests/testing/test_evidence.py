"""Figures against goals: printed one a line, exit 1 when one falls short, unknown names refused."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from omnimix.core.errors import NotFound
from omnimix.testing.evidence import at_least, at_most, equal, main, run

MODULE = """
from omnimix.testing.evidence import at_least, at_most, equal


def figures():
    yield at_most("speed: ratio", {ratio}, 1.2)
    yield equal("rows", 3, 3)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package of two evidence modules: one reaches its goals, one does not."""
    folder = tmp_path / "evidence_of_tests"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "speed.py").write_text(MODULE.format(ratio=1.1))
    (folder / "slow.py").write_text(MODULE.format(ratio=1.3))
    monkeypatch.syspath_prepend(tmp_path)
    for name in [n for n in sys.modules if n.startswith("evidence_of_tests")]:
        del sys.modules[name]
    return __import__("evidence_of_tests")


def test_goals_are_held_at_their_edges() -> None:
    assert at_most("x", 1.2, 1.2).ok
    assert not at_most("x", 1.2001, 1.2).ok
    assert at_least("x", 3, 3).ok
    assert not at_least("x", 2.99, 3).ok
    assert equal("x", 5, 5).ok
    assert not equal("x", 5, "5").ok


def test_all_modules_run_and_one_short_figure_is_exit_1(
    package: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(package, []) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["short", "ok", "ok", "ok"]
    assert lines[0].startswith("slow: speed: ratio")
    assert lines[3].startswith("speed: rows")


def test_one_module_by_name(package: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(package, ["speed"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("speed: ratio")


def test_unknown_name_lists_those_there_are(package: ModuleType) -> None:
    with pytest.raises(NotFound, match="choose from slow, speed"):
        list(run(package, ["speeed"]))
