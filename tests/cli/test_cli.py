"""The command: a small shop from sources to channel files, and bad input answered in one clear line."""

import json
import sqlite3
from pathlib import Path

import duckdb
import pytest
from tests.cli.conftest import ORDER_COLUMNS, Shop, order_lines

from omnimix.cli import main


def one_line(text: str) -> str:
    """The only line of `text`, free of tracebacks."""
    lines = [line for line in text.splitlines() if line.strip()]
    assert "Traceback" not in text
    assert len(lines) == 1, text
    return lines[0]


def error(shop: Shop, *arguments: str, code: int = 2) -> str:
    """The one line that a failing command says."""
    got, _out, err = shop.run(*arguments)
    assert got == code, err
    return one_line(err)


def test_a_new_workspace_is_commented_and_lacks_only_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "new"
    assert main(["init", str(root)]) == 0
    assert (root / "omnimix.toml").read_text().count("#") > 10
    assert {p.name for p in root.iterdir()} >= {"omnimix.toml", "brand.toml", "campaigns", "data", "assets"}
    capsys.readouterr()
    assert main(["doctor", "--workspace", str(root), "--json"]) == 1
    found = {f["where"]: f for f in json.loads(capsys.readouterr().out)}
    assert "[sources.orders]" in found["omnimix.toml"]["fix"]
    assert found["brand.toml: postal_address"]["severity"] == "blocking"


def test_init_keeps_its_hands_off_a_workspace(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    before = (shop.root / "omnimix.toml").read_text()
    assert main(["init", str(shop.root)]) == 1
    assert "omnimix doctor" in capsys.readouterr().err
    assert (shop.root / "omnimix.toml").read_text() == before


def test_from_sources_to_channel_files(shop: Shop) -> None:
    assert shop.run("doctor")[0] == 0
    code, out, _err = shop.run("run", "first", "--json")
    account = json.loads(out)
    assert code == 1
    assert "wait for review" in account["stopped"]["why"]
    assert [s["stage"] for s in account["steps"]][:3] == ["ingest", "matching", "identity"]
    for stage in account["steps"]:
        assert {"rows_in", "rows_out", "rejected", "seconds"} <= stage.keys()
        if stage["unit_in"] == stage["unit_out"]:
            assert stage["rows_in"] == stage["rows_out"] + stage["rejected"] + sum(
                stage.get("set_aside", {}).values()
            )

    assert shop.run("review", "approve", "first", "--all", "--as", "anna")[0] == 0
    code, out, _err = shop.run("run", "first", "--json")
    assert code == 1
    assert "waits for approval" in json.loads(out)["stopped"]["why"]
    assert not list((shop.root / "out" / "channels").rglob("*.csv"))

    assert shop.run("apply", "first", "--as", "anna")[0] == 0
    code, out, _err = shop.run("run", "first", "--json")
    assert code == 0, out
    channels = shop.root / "out" / "channels"
    for name in ("google_ads_editor.csv", "meta_bulk.csv", "microsoft_bulk.csv"):
        assert (channels / name).stat().st_size > 500
    assert list((channels / "email_files").glob("*.html"))
    sizes = {p.stem for p in (shop.root / "out" / "creatives").rglob("*.png")}
    assert sizes == {"landscape", "square", "portrait", "story", "leaderboard", "rectangle", "skyscraper"}
    assert (shop.root / "out" / "report.html").exists()

    resumed = json.loads(shop.run("run", "first", "--json")[1])["steps"]
    assert sum(s["resumed"] for s in resumed) >= 8
    assert shop.run("audit", "verify")[1].startswith("intact")


def test_no_customer_is_to_be_found_outside_the_vault(known_shop: Shop) -> None:
    known_shop.run("run", "first")
    holders = [
        p.name
        for p in known_shop.root.rglob("*")
        if p.is_file() and p.parent.name != "data" and b"cust7@example.com" in p.read_bytes()
    ]
    assert holders == []


def test_the_audit_names_the_entry_that_was_changed(known_shop: Shop) -> None:
    known_shop.run("run", "first")
    with sqlite3.connect(known_shop.root / ".omnimix" / "ledger.sqlite") as ledger:
        ledger.execute("update audit set body = replace(body, 'omnimix', 'nobody') where number = 2")
    ledger.close()
    code, out, _err = known_shop.run("audit", "verify")
    assert code == 1
    assert "entry 2" in one_line(out)


def test_missing_file(shop: Shop) -> None:
    (shop.root / "data" / "orders.csv").unlink()
    said = error(shop, "run", "first")
    assert "data/orders.csv" in said
    assert "→" in said


def test_wrong_encoding(shop: Shop) -> None:
    shop.change("omnimix.toml", 'path = "data/orders.csv"', 'path = "data/orders.csv"\nencoding = "utf-8"')
    path = shop.root / "data" / "orders.csv"
    path.write_bytes(
        path.read_bytes() + "x,A1,Café au lait bowl,1,2026-10-01,3,z@example.com,GB\n".encode("latin-1")
    )
    code, out, _err = shop.run("ingest", "--json")
    assert code == 1
    assert json.loads(out)["total"]["rejected"] == 1
    fault = json.loads(shop.run("quarantine", "--json")[1])[0]
    assert fault["file"].endswith("orders.csv")
    assert fault["line"] == len(path.read_bytes().splitlines())
    assert "encoding" in fault["reason"]


def test_a_file_that_is_no_text_at_all(shop: Shop) -> None:
    (shop.root / "data" / "orders.csv").write_bytes(bytes(range(256)) * 40)
    said = error(shop, "ingest")
    assert "orders.csv" in said
    assert "→" in said


def test_wrong_column(shop: Shop) -> None:
    shop.orders(
        [{("qty_sold" if k == "quantity" else k): v for k, v in row.items()} for row in order_lines(5)],
        tuple("qty_sold" if c == "quantity" else c for c in ORDER_COLUMNS),
    )
    said = error(shop, "ingest")
    assert "quantity" in said
    assert "orders.csv" in said


def test_wrong_type_goes_to_quarantine_and_comes_back_when_put_right(shop: Shop) -> None:
    rows = order_lines(5)
    rows[3]["quantity"] = "three"
    shop.orders(rows)
    code, out, _err = shop.run("ingest", "--json")
    total = json.loads(out)["total"]
    assert code == 1
    assert (total["lines_read"] - total["accepted"], total["rejected"]) == (1, 1)
    code, out, _err = shop.run("quarantine", "--json")
    fault = json.loads(out)[0]
    assert code == 1
    assert (fault["line"], fault["field"], fault["value"]) == (5, "quantity", "three")
    assert fault["file"].endswith("orders.csv")
    assert fault["reason"]
    column = "quantity"
    code, _out, err = shop.run("ingest", "--replay", "--set", f"{fault['file']}:5:{column}=3")
    assert code == 0, err
    assert shop.run("quarantine")[0] == 0


def test_a_file_that_went_back_to_older_words_is_news_to_later_steps(shop: Shop) -> None:
    path = shop.root / "data" / "orders.csv"
    first, second = order_lines(40), order_lines(40)
    second[0]["product_id"], second[0]["description"] = "C3", "Willow log basket"
    seen = []
    for rows in (first, second, first):
        shop.orders(rows)
        steps = {s["stage"]: s for s in json.loads(shop.run("run", "first", "--json")[1])["steps"]}
        seen.append(steps["segments"]["resumed"])
    assert seen == [False, False, False]
    assert path.exists()
    again = {s["stage"]: s for s in json.loads(shop.run("run", "first", "--json")[1])["steps"]}
    assert again["segments"]["resumed"]


def test_a_photo_outside_the_workspace_is_refused(known_shop: Shop) -> None:
    path = known_shop.root / "data" / "products.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0] + ",image", *[line + ",../../secret.png" for line in lines[1:]]]) + "\n")
    said = error(known_shop, "run", "first")
    assert "outside the workspace" in said
    assert "→" in said


def test_unknown_key(shop: Shop) -> None:
    shop.change("omnimix.toml", "min_size = 50", "minimal_size = 50")
    code, out, _err = shop.run("run", "first")
    assert code == 2
    said = one_line(out)
    assert "omnimix.toml: segments.minimal_size" in said
    assert "min_size" in said


def test_expired_claim_is_not_used_and_is_said(known_shop: Shop) -> None:
    claim = 'text = "Loved by 9,000 homes"\nkind = "number"\nsource = "survey"\nexpires_on = 2020-01-01\n'
    with (known_shop.root / "brand.toml").open("a") as file:
        file.write(f"[[claims]]\n{claim}")
    code, out, _err = known_shop.run("doctor")
    assert code == 0
    assert "expired on 2020-01-01" in out
    known_shop.run("run", "first")
    assert (
        "9,000 homes" not in (known_shop.root / ".omnimix" / "artifacts" / "first" / "variants.json").read_text()
    )


def test_zero_customers(shop: Shop) -> None:
    shop.orders([row | {"customer": ""} for row in order_lines(5)])
    said = error(shop, "run", "first")
    assert "no customers" in said
    assert "→" in said


def test_empty_catalogue(shop: Shop) -> None:
    shop.orders(order_lines(3, refund_only=3))
    (shop.root / "data" / "products.csv").write_text("product_id,name,category,price\n")
    said = error(shop, "run", "first")
    assert "products.csv" in said or "catalogue" in said
    assert "→" in said


def test_one_customer_and_all_returns_customers_get_as_far_as_review(shop: Shop) -> None:
    shop.orders(order_lines(1))
    code, out, _err = shop.run("run", "first")
    assert code == 1
    assert "wait for review" in out
    shop.orders(order_lines(30, refund_only=4))
    code, out, _err = shop.run("run", "first")
    assert code == 1
    assert "wait for review" in out
    (people,) = [s for s in json.loads(shop.run("run", "first", "--json")[1])["steps"] if s["stage"] == "segments"]
    assert people["rows_in"] == 30


def test_unapproved_plan(known_shop: Shop) -> None:
    assert "review" in error(known_shop, "apply", "first", code=1)
    assert known_shop.run("run", "first")[0] == 1
    known_shop.run("review", "approve", "first", "--all", "--as", "anna")
    said = error(known_shop, "apply", "first", code=1)
    assert "waits for approval" in said
    assert "omnimix plan first" in said
    assert not list((known_shop.root / "out" / "channels").rglob("*.csv"))


def test_approval_quotes_what_was_shown(known_shop: Shop) -> None:
    known_shop.run("run", "first")
    listed = json.loads(known_shop.run("review", "list", "first", "--json")[1])
    name = listed[0]["variant"]
    said = error(known_shop, "review", "approve", "first", f"{name}@0000000", code=1)
    assert "changed after it was shown" in said
    assert (
        known_shop.run("review", "approve", "first", f"{name}@{listed[0]['digest'][:8]}", "--as", "anna")[0] == 0
    )
    code, out, _err = known_shop.run(
        "review", "reject", "first", listed[1]["variant"], "--reason", "too plain", "--json"
    )
    assert code == 0
    assert json.loads(out)["reason"] == "too plain"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], *[[c, "--help"] for c in ("init", "doctor", "ingest", "run", "review", "plan", "apply")]],
)
def test_help_teaches(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


def test_wrong_usage_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 2
    assert main(["nonsense"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_file_without_a_zone_is_read_in_the_zone_of_the_workspace(shop: Shop) -> None:
    rows = [{**order_lines(1)[0], "occurred_at": "2026-07-01 10:00"}]
    shop.orders(rows)
    assert shop.run("ingest")[0] == 0
    with duckdb.connect() as engine:
        (found,) = engine.sql(
            f"SELECT occurred_at FROM read_parquet('{shop.root}/.omnimix/facts/order_line/**/*.parquet')"
        ).fetchall()
    assert f"{found[0]:%H:%M}" == "09:00", "summer time in London"


def test_a_zone_that_is_none(shop: Shop) -> None:
    shop.change("omnimix.toml", 'preset = "order_lines"', 'preset = "order_lines"\ntimezone = "Europe/Londn"')
    code, out, err = shop.run("ingest")
    assert code == 2
    assert "Europe/Londn" in out + err
    assert "sources.orders" in out + err


def test_money_in_another_currency_is_not_added_up(shop: Shop) -> None:
    shop.change(
        "omnimix.toml", 'preset = "order_lines"\ncurrency = "GBP"', 'preset = "order_lines"\ncurrency = "JPY"'
    )
    code, _, err = shop.run("run", "first")
    assert code == 2
    assert "sources.orders" in err
    assert "JPY" in err
    assert "Traceback" not in err
