"""House rules as tests: homes of packages, small files, honest docstrings, an import order that holds."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "omnimix"
FILES = sorted(SOURCE.rglob("*.py"))
MOST_LINES, MOST_FUNCTION_LINES = 500, 60

# A third-party package and the places (path prefixes or file names) that may import it.
HOMES = {
    "duckdb": ("store/", "data/source/"),
    "alembic": ("store/",),
    "sqlalchemy": ("store/", "governance/", "data/source/", "flow/", "rows.py", "app.py"),
    "splink": ("data/identity/",),
    "lmdb": ("store/",),
    "redis": ("store/online/",),
    "granian": ("web/",),
    "prometheus_client": ("web/",),
    "pyspark": ("store/",),
    "pydantic_ai": ("audience/persona/", "creative/copy/"),
    "typst": ("creative/image/",),
    "PIL": ("creative/", "measurement/report/"),
    "sklearn": (),  # two seconds to import: a reference for tests
    "mrml": ("activation/channel/",),
    "openpyxl": ("data/source/",),
    "phonenumbers": ("data/identity/", "governance/"),
    "cryptography": ("governance/",),
    "argon2": ("governance/access/",),
    "pydantic": ("settings",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "fastapi": ("web/",),
    "starlette": ("web/",),
    "httpx": ("activation/channel/", "creative/", "data/"),
    "pandas": (),
    "litellm": (),
    "pm4py": (),
}
# Sessions of the ledger are passed through the stages that own rows.
SESSION_ONLY = re.compile(r"^(sqlalchemy|sqlalchemy\.orm|sqlalchemy\.exc)$")
BANNED_PARTS = {
    "manager",
    "service",
    "services",
    "helper",
    "helpers",
    "util",
    "utils",
    "common",
    "misc",
    "handler",
    "handlers",
    "processor",
    "repository",
    "schemas",
    "models",
}
WORKPLACE = re.compile(r"/work/|\.\./shared|pypi\.org|pythonhosted|registry\.npmjs|deb\.debian", re.IGNORECASE)


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_module(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    place = relative(path)
    assert len(text.splitlines()) <= MOST_LINES, f"{place} is longer than {MOST_LINES} lines: split it"
    docstring = ast.get_docstring(tree) or ""
    assert docstring, f"{place} has no docstring"
    assert re.search(r"^in\s", docstring, re.M), f"{place}: the docstring does not say what goes in"
    assert re.search(r"^out\s", docstring, re.M), f"{place}: the docstring does not say what comes out"
    assert not WORKPLACE.search(text), f"{place} names a workplace path or registry host"
    parts = set(re.split(r"[/_.]", place))
    assert not parts & BANNED_PARTS, f"{place}: {parts & BANNED_PARTS} says nothing; name the thing"
    for name, line in imports(tree):
        home = HOMES.get(name.split(".")[0])
        session = SESSION_ONLY.match(name) and (path.parent / "rows.py").exists()
        assert home is None or session or any(place.startswith(h) or place.endswith(h) for h in home), (
            f"{place}:{line} imports {name}, whose home is {home}"
        )
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if place.startswith("store/migrations/versions/"):
                continue  # a migration is one long list of what it does, written by Alembic
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST_FUNCTION_LINES, f"{place}:{node.lineno} {node.name} has {length} lines"
            for inner in ast.walk(node):
                hidden = isinstance(inner, ast.Import | ast.ImportFrom)
                assert not hidden or "# optional extra" in text.splitlines()[inner.lineno - 1], (
                    f"{place}:{inner.lineno} imports inside a function"
                )


def test_public_names_are_documented() -> None:
    missing = []
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            is_public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if is_public and not ast.get_docstring(node):
                missing.append(f"{relative(path)}:{node.lineno} {node.name}")
    assert not missing, "no docstring: " + ", ".join(missing)


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(folder / "src")}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy_of_tree(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.parquet"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_import_order_holds(copy_of_tree: Path) -> None:
    result = lint_imports(copy_of_tree)
    assert result.returncode == 0, result.stdout


def test_stray_folder_fails(copy_of_tree: Path) -> None:
    stray = copy_of_tree / "src" / "omnimix" / "utils"
    stray.mkdir()
    (stray / "__init__.py").write_text('"""Odds and ends."""\n')
    result = lint_imports(copy_of_tree)
    assert result.returncode != 0
    assert "utils" in result.stdout


def test_upward_import_fails(copy_of_tree: Path) -> None:
    money = copy_of_tree / "src" / "omnimix" / "core" / "money.py"
    money.write_text(
        money.read_text().replace("from dataclasses", "import omnimix.store.ledger\nfrom dataclasses", 1)
    )
    result = lint_imports(copy_of_tree)
    assert result.returncode != 0
    assert "omnimix.core.money -> omnimix.store.ledger" in result.stdout


def test_no_workplace_words_in_tracked_text() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    checked = [ROOT / f for f in tracked if f.endswith((".md", ".toml", ".txt", ".typ", ".html", ".yml"))]
    guilty = [str(p) for p in checked if p.exists() and WORKPLACE.search(p.read_text(encoding="utf-8"))]
    assert not guilty
