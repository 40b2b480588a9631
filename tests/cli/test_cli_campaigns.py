"""Campaign files, pictures and review as people really have them: faults are told early, in one clear line."""

import json

import pytest
from PIL import Image
from tests.cli.conftest import PRODUCTS, Shop, write_csv


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"50.00"', '"0"', "daily_budget"),
        ('"50.00"', '"-5"', "daily_budget"),
        ('"50.00"', '"NaN"', "daily_budget"),
        ('"50.00"', '"Infinity"', "daily_budget"),
        ('"50.00"', '"1,000.00"', "daily_budget"),
        ("2027-01-09", "2026-01-09", "ends_on"),
        ('"meta_bulk"', '"google_ads_editor"', "channels"),
        ("https://www.example.com/gifts", "http://www.example.com/gifts", "landing_page"),
    ],
)
def test_a_campaign_that_cannot_be_is_told_before_anything_runs(shop: Shop, old: str, new: str, key: str) -> None:
    shop.change("campaigns/first.toml", old, new)
    for command, exit_code in ((["doctor"], 1), (["run", "first"], 2)):
        code, out, err = shop.run(*command)
        assert code == exit_code
        assert (out + err).count("\n") == 1
        assert f"campaigns/first.toml: campaign.{key}" in out + err
        assert "→" in out + err


@pytest.mark.parametrize(("key", "value"), [("people", 0), ("weeks", -1), ("seed", -1)])
def test_a_market_of_nobody_is_told(shop: Shop, key: str, value: int) -> None:
    shop.change("campaigns/first.toml", "# [simulator]", f"[simulator]\n{key} = {value}")
    code, out, _err = shop.run("doctor")
    assert code == 1
    assert f"campaigns/first.toml: simulator.{key}" in out


def test_two_campaigns_of_one_name_are_told(shop: Shop) -> None:
    copy = (shop.root / "campaigns/first.toml").read_text(encoding="utf-8")
    (shop.root / "campaigns/second.toml").write_text(copy, encoding="utf-8")
    code, out, _err = shop.run("doctor")
    assert code == 1
    assert "campaigns/second.toml: campaign.name" in out


def test_a_channel_that_is_not_installed_stops_a_run_before_review(shop: Shop) -> None:
    shop.change("campaigns/first.toml", '"microsoft_bulk"', '"tiktok"')
    code, out, err = shop.run("run", "first")
    assert (code, out) == (2, "")
    assert "tiktok" in err


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("#1f4d3a", "green", "colours.primary"),
        ("[colours]", 'heading_font = "assets/none.ttf"\n[colours]', "heading_font"),
        ("[colours]", 'logo = "assets/logo.png"\n[colours]', "logo"),
    ],
)
def test_doctor_knows_what_cannot_be_drawn(shop: Shop, old: str, new: str, place: str) -> None:
    (shop.root / "assets/logo.png").write_bytes(b"no picture")
    shop.change("brand.toml", old, new)
    code, out, _err = shop.run("doctor")
    assert code == 1
    assert f"brand.toml: {place}" in out


def _with_images(shop: Shop, image: str) -> None:
    rows = [{"product_id": p, "name": n, "category": c, "price": v, "image": image} for p, n, c, v in PRODUCTS]
    write_csv(shop.root / "data/products.csv", rows, ("product_id", "name", "category", "price", "image"))


def _steps(shop: Shop) -> dict[str, dict[str, object]]:
    found = json.loads(shop.run("--json", "run", "first")[1])
    return {step["stage"]: step for step in found["steps"]}


def test_a_photo_changed_anywhere_is_drawn_and_reviewed_again(known_shop: Shop) -> None:
    _with_images(known_shop, "assets/any.jpg")
    Image.new("RGB", (400, 400), (200, 30, 30)).save(known_shop.root / "assets/any.jpg")
    _steps(known_shop)
    known_shop.run("review", "approve", "first", "--all", "--as", "Ada")
    Image.new("RGB", (400, 400), (30, 30, 200)).save(known_shop.root / "assets/any.jpg")
    assert _steps(known_shop)["pictures"]["resumed"] is False
    waiting = json.loads(known_shop.run("--json", "review", "list", "first")[1])
    assert {v["status"] for v in waiting} == {"queued"}


def test_photos_on_the_web_do_not_stop_a_run(known_shop: Shop) -> None:
    _with_images(known_shop, "https://cdn.example.com/a.jpg")
    assert "checks" in _steps(known_shop)


def test_a_variant_is_called_as_the_list_shows_it(known_shop: Shop) -> None:
    known_shop.run("run", "first")
    listed = known_shop.run("review", "list", "first")[1]
    name = next(word for word in listed.split() if "@" in word)
    assert known_shop.run("review", "show", "first", name)[0] == 0
    assert known_shop.run("review", "reject", "first", name[:-8] + "00000000", "--reason", "dull")[0] == 1
    assert known_shop.run("review", "reject", "first", name, "--reason", "dull")[0] == 0
    assert len(name.partition("@")[2]) == 8


def test_a_run_says_why_every_broad_variant_is_held_back(known_shop: Shop) -> None:
    known_shop.change("brand.toml", 'postal_address = "My shop, 1 High Street, Anytown"', 'postal_address = ""')
    code, _out, err = known_shop.run("run", "first")
    assert code == 1
    assert "postal_address" in err


def test_pictures_that_were_lost_are_drawn_again_and_stay_approved(known_shop: Shop) -> None:
    known_shop.run("run", "first")
    known_shop.run("review", "approve", "first", "--all", "--as", "Ada")
    next((known_shop.root / "out/creatives").rglob("square.png")).unlink()
    code, _out, err = known_shop.run("run", "first")
    assert code == 1
    assert "--fresh" in err
    assert (
        "waits for approval" in known_shop.run("run", "first", "--fresh")[1] + known_shop.run("plan", "first")[1]
    )
