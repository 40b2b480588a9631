"""Which module holds which command: the table tells the truth, so that one command imports one module."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from omnimix import cli
from omnimix.cli.main import COMMANDS, command_line


@pytest.mark.parametrize("module", COMMANDS)
def test_a_module_has_the_commands_that_the_table_says(module) -> None:
    group = typer.main.get_command(command_line([module]))
    assert set(COMMANDS[module]) == set(group.commands)  # type: ignore[attr-defined]


def test_every_module_with_commands_is_in_the_table() -> None:
    folder = Path(cli.__file__).parent
    holding = {p.stem for p in folder.glob("*.py") if "def register(" in p.read_text(encoding="utf-8")}
    assert holding == set(COMMANDS)


def test_a_light_command_does_without_what_only_others_need() -> None:
    program = (
        "import sys; from omnimix.cli import main; code = main(['init', '--help']); "
        "print(code, [m for m in ('sklearn', 'scipy.stats', 'omnimix.flow.campaign') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("0 []")
