"""`omnimix account`: made, changed, listed; the password never on the command line."""

import json
from pathlib import Path

import pytest

from omnimix.cli import main


def test_accounts_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop, secret = tmp_path / "shop", tmp_path / "password"
    secret.write_text("seven green teapots\n", encoding="utf-8")
    assert main(["init", str(shop)]) == 0
    where = ["-w", str(shop)]
    assert main(["account", "add", "Ann", "--role", "admin", "--password-file", str(secret), *where]) == 0
    assert main(["account", "add", "Bob", "--password-file", str(secret), *where]) == 0
    assert main(["account", "change", "Bob", "--role", "approver", "--role", "editor", *where]) == 0
    assert main(["account", "change", "Ann", "--close", *where]) == 1  # nobody would be left
    assert "last admin" in capsys.readouterr().err
    assert main(["account", "list", "--json", *where]) == 0
    assert [(a["name"], a["roles"]) for a in json.loads(capsys.readouterr().out)] == [
        ("Ann", ["admin"]),
        ("Bob", ["editor", "approver"]),
    ]
    secret.write_text("short\n", encoding="utf-8")
    assert main(["account", "add", "Eve", "--password-file", str(secret), *where]) == 2
    assert main(["audit", "verify", *where]) == 0
