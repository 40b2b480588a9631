"""Settings: all faults together, each with its file, its key and the next step; secrets from the environment."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.errors import NotFound
from omnimix.settings import InvalidSettings, read_settings
from omnimix.testing.shop import open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The demo shop's files, without its data."""
    open_shop(tmp_path / "shop")
    return tmp_path / "shop"


def faults(root: Path, environ: dict[str, str] | None = None) -> dict[str, str]:
    """Where → why, of everything that is wrong."""
    with pytest.raises(InvalidSettings) as caught:
        read_settings(root, environ or {})
    return {f.where: f"{f.why} {f.fix}".strip() for f in caught.value.faults}


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shop_reads(shop: Path) -> None:
    settings = read_settings(shop, {})
    job = settings.job("autumn_gifts")
    assert job.campaign.key == "autumn_gifts"
    assert job.campaign.offer is not None
    assert job.campaign.offer.short == "15% off"
    assert sum(job.ladder.shares().values()) == pytest.approx(1)
    assert settings.file.sources["orders"].columns["order_id"] == "InvoiceNo"


def test_faults_of_all_files_come_together(shop: Path) -> None:
    change(shop / "omnimix.toml", 'preset = "order_lines"', 'prest = "order_lines"')
    change(shop / "omnimix.toml", 'currency = "GBP"', 'currency = "pounds"')
    with (shop / "omnimix.toml").open("a") as file:
        file.write('\n[storage]\nthreads = "many"\n[jorney]\ngap_minutes = 3\n')
    change(shop / "brand.toml", "[words]", "[word]")
    change(shop / "campaigns" / "autumn_gifts.toml", 'goal = "sales"', 'goal = "selling"')
    change(shop / "campaigns" / "autumn_gifts.toml", "none = 0.05", "none = 0.95")
    found = faults(shop)
    assert found["omnimix.toml: sources.orders.prest"] == "unknown key did you mean 'preset'?"
    assert "use ISO 4217" in found["omnimix.toml: workspace.currency"]
    assert "valid integer" in found["omnimix.toml: storage.threads"]
    assert "did you mean 'journey'?" in found["omnimix.toml: jorney"]
    assert "did you mean 'words'?" in found["brand.toml: word"]
    assert "'traffic', 'leads' or 'sales', not 'selling'" in found["campaigns/autumn_gifts.toml: campaign.goal"]
    assert "add up to at most 1" in found["campaigns/autumn_gifts.toml: ladder"]


def test_offer_and_products_are_known_tables_of_a_campaign(shop: Path) -> None:
    change(shop / "campaigns" / "autumn_gifts.toml", "[offer]", "[offr]")
    assert "did you mean 'offer'?" in faults(shop)["campaigns/autumn_gifts.toml: offr"]


def test_a_claim_without_words_or_source_is_a_fault(shop: Path) -> None:
    with (shop / "brand.toml").open("a") as file:
        file.write('\n[[claims]]\ntext = " "\nkind = "number"\nsource = "x"\n')
    assert any("a claim has no text" in why for why in faults(shop).values())


def test_broken_toml_names_line_and_column(shop: Path) -> None:
    (shop / "brand.toml").write_text('name = "x"\nwebsite = \n', encoding="utf-8")
    assert "line 2" in faults(shop)["brand.toml"]


def test_wrong_encoding_is_said(shop: Path) -> None:
    (shop / "brand.toml").write_bytes('name = "Café"'.encode("latin-1"))
    assert "UTF-8" in faults(shop)["brand.toml"]


def test_missing_brand_is_said(shop: Path) -> None:
    (shop / "brand.toml").unlink()
    assert "missing" in faults(shop)["brand.toml"]


def test_missing_workspace_says_init(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="omnimix init"):
        read_settings(tmp_path, {})


def test_unknown_campaign_names_those_there_are(shop: Path) -> None:
    with pytest.raises(NotFound, match="there are: autumn_gifts"):
        read_settings(shop, {}).job("spring")


def test_variables_fill_texts_and_unset_ones_are_faults(shop: Path) -> None:
    with (shop / "omnimix.toml").open("a") as file:
        file.write('\n[sources.crm]\nurl = "${CRM_URL}"\nquery = "select 1"\nholds = "profiles"\n')
    assert "${CRM_URL} is not set" in faults(shop)["omnimix.toml: sources.crm.url"]
    url = read_settings(shop, {"CRM_URL": "sqlite:///crm.db"}).file.sources["crm"].url
    assert str(url) in ("sqlite:///crm.db", "***")


def test_a_password_is_never_shown(shop: Path) -> None:
    secret = {"CRM_URL": "postgresql://me:hunter2@db/crm"}
    with (shop / "omnimix.toml").open("a") as file:
        file.write('\n[sources.crm]\nurl = "${CRM_URL}"\nquery = "select 1"\nholds = "profiles"\n')
    assert "hunter2" not in repr(read_settings(shop, secret))
    change(shop / "omnimix.toml", 'url = "${CRM_URL}"', 'url = ["${CRM_URL}"]')
    assert "hunter2" not in str(faults(shop, secret))


def test_environment_replaces_a_value(shop: Path) -> None:
    settings = read_settings(shop, {"OMNIMIX__STORAGE__MEMORY": "2GB", "OMNIMIX__STORAGE__THREADS": "4"})
    assert (settings.file.storage.memory, settings.file.storage.threads) == ("2GB", 4)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60))
def test_any_text_as_omnimix_toml_is_read_or_explained(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    root = tmp_path_factory.mktemp("any")
    (root / "omnimix.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidSettings) as caught:
        read_settings(root, {})
    assert all(f.where and f.why for f in caught.value.faults)
