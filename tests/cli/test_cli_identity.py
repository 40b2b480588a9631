"""`omnimix identity`: two files without a common key, people reviewed, merged and parted, all in the audit."""

import json
from pathlib import Path
from typing import Any

import pytest

from omnimix.cli import main

PEOPLE = (
    "id,first,last,born,town,zip\n"
    "s1,Ada,Lovelace,1985-12-10,London,SW1A 1AA\n"
    "s2,Grace,Hopper,1976-12-09,York,YO1 7HH\n"
    "c1,Ada,Lovelace,10/12/1985,London,sw1a1aa\n"
    "c2,Grace,Hoper,1976-12-09,York,YO1 7HH\n"
)
SOURCE = """
[identity]
link = 0.999999

[sources.people]
path = "data/people.csv"
holds = "profiles"
[sources.people.columns]
user_id = "id"
first_name = "first"
last_name = "last"
birth_date = "born"
city = "town"
postcode = "zip"
"""


class Desk:
    """Runs commands in one workspace."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys

    def run(self, *arguments: str) -> tuple[int, Any]:
        """Exit code and what was printed as JSON."""
        self.capsys.readouterr()
        code = main([*arguments, "--json", "--workspace", str(self.root)])
        return code, json.loads(self.capsys.readouterr().out)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A workspace with one file of people, taken in."""
    root = tmp_path / "shop"
    assert main(["init", str(root)]) == 0
    (root / "data" / "people.csv").write_text(PEOPLE, encoding="utf-8")
    settings = root / "omnimix.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + SOURCE, encoding="utf-8")
    found = Desk(root, capsys)
    assert found.run("ingest")[0] == 0
    return found


def test_review_merge_and_unmerge(desk: Desk) -> None:
    code, matched = desk.run("identity", "match")
    assert (code, matched["records"], matched["in_review"] >= 1) == (1, 4, True)
    code, listed = desk.run("identity", "review")
    assert code == 1
    assert not any(word in json.dumps(listed).lower() for word in ("lovelace", "hopper", "sw1a1aa", "1976-12"))
    number = listed[0]["number"]
    pair = [listed[0]["waiting"]["key_a"], listed[0]["waiting"]["key_b"]]
    _code, before = desk.run("identity", "show", pair[0])
    code, done = desk.run("identity", "accept", str(number), "--as", "anna")
    assert (code, done["together"]) == (0, True)
    code, view = desk.run("identity", "show", done["profiles"][0])
    assert {key["key"] for key in view["keys"]} >= set(pair)
    assert view["merges"][0]["told_by"] == "person"
    assert set(view["fields"]) >= {"first_name", "last_name", "user"}
    code, parted = desk.run("identity", "unmerge", view["profile_id"], "--why", "sisters", "--as", "anna")
    assert (code, len(set(parted["profiles"]))) == (0, 2)
    after = desk.run("identity", "show", pair[0])[1]
    assert (after["profile_id"], after["keys"]) == (before["profile_id"], before["keys"])
    _code, total = desk.run("identity")
    assert total["kept apart by people"] == 1
    entries = desk.run("audit", "list")[1]
    assert [(e["actor"], e["action"]) for e in entries][-2:] == [
        ("anna", "identity.together"),
        ("anna", "identity.apart"),
    ]
    assert desk.run("audit", "verify")[0] == 0


def test_what_cannot_be_done_is_said_in_one_line(desk: Desk) -> None:
    for arguments, words in (
        (("identity", "show", "pf_none"), "nobody is known"),
        (("identity", "unmerge", "mg_none", "--why", "x"), "no merge"),
        (("identity", "accept", "9"), "no pair 9"),
        (("identity", "merge", "user:", "pf_none", "--why", "x"), "several keys"),
    ):
        code, said = desk.run(*arguments)
        assert (code, words in said["message"]) == (2, True), said
