"""Every built-in adapter keeps the channel contract; what is particular to each file is examined below."""

import contextlib
import csv
import io
import json
from pathlib import Path

import pytest

from omnimix.activation.channel import bulk_file
from omnimix.activation.channel.email_files import EmailFiles
from omnimix.activation.channel.google_ads_editor import COLUMNS as GOOGLE
from omnimix.activation.channel.google_ads_editor import GoogleAdsEditor
from omnimix.activation.channel.meta_bulk import COLUMNS as META
from omnimix.activation.channel.meta_bulk import MetaBulk
from omnimix.activation.channel.microsoft_bulk import MicrosoftBulk
from omnimix.activation.channel.plan import Action, Change
from omnimix.activation.channel.port import Setup
from omnimix.activation.channel.resource import Status
from omnimix.core.errors import InvalidInput
from omnimix.creative.brand import Brand
from omnimix.testing.channel import BRAND, ChannelSuite, example_resources


class _BulkSuite(ChannelSuite):
    def plant_foreign(self, channel, setup):
        path = setup.folder / f"{channel.name}.csv"
        text = path.read_bytes().decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        stranger = {c: "" for c in rows[0]} | {
            next(iter(rows[0])): "Not ours",
            "Campaign": "By hand",
            "Own column": "x",
        }
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, [*rows[0], *(c for c in stranger if c not in rows[0])])
        writer.writeheader()
        writer.writerows([*rows, stranger])
        path.write_text(out.getvalue(), encoding="utf-8", newline="")

        def look():
            again = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
            return [{k: v for k, v in r.items() if v} for r in again if "By hand" in r.values()]

        return look


class TestGoogleAdsEditor(_BulkSuite):
    def make(self, setup):
        return GoogleAdsEditor(setup)


class TestMetaBulk(_BulkSuite):
    def make(self, setup):
        return MetaBulk(setup)


class TestMicrosoftBulk(_BulkSuite):
    def make(self, setup):
        return MicrosoftBulk(setup)


class TestEmailFiles(ChannelSuite):
    def make(self, setup):
        return EmailFiles(setup)

    def plant_foreign(self, channel, setup):
        del channel
        file = setup.folder / "email_files" / "theirs.json"
        file.write_text('{"label": "somebody else"}')
        return file.read_text


BULK = [GoogleAdsEditor, MetaBulk, MicrosoftBulk]


def written(adapter, folder: Path):
    """An adapter with the example campaign in it, and its cells as text."""
    suite = ChannelSuite()
    setup = suite.setup_in(folder)
    channel = adapter(setup)
    resources = example_resources(channel.supports, pictures=setup.pictures)
    suite.fill(channel, resources)
    raw = (setup.folder / f"{channel.name}.csv").read_bytes()
    return setup, channel, resources, raw


def table(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("adapter", BULK)
def test_rows_are_even_and_no_cell_runs_in_a_spreadsheet(adapter, tmp_path):
    *_, raw = written(adapter, tmp_path)
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert len({len(row) for row in rows}) == 1
    header = rows[0]
    ids = {header.index(c) for c in ("Id", "Parent Id") if c in header}
    positions = {i for i, c in enumerate(header) if c.endswith("position")}
    for row in rows[1:]:
        for place, cell in enumerate(row):
            if place in ids:
                assert int(cell or 0) <= 0
            elif place in positions:
                assert cell in ("", "-")
            else:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (header[place], cell)


@pytest.mark.parametrize("text", ["=A1", "'=A1", "''@x", "plain", "'quoted'", "-5", "", "'", "+", "= "])
def test_neutral_cells_read_back_exactly(text):
    cell = bulk_file.safe_cell(text, where="here")
    assert bulk_file.plain_cell(cell) == text
    assert cell[:1] not in ("=", "+", "-", "@")


@pytest.mark.parametrize("text", ["two\nlines", "nul\0", "tab\t", "\r"])
def test_control_characters_are_refused(text):
    with pytest.raises(InvalidInput, match="line break or control"):
        bulk_file.safe_cell(text, where="here")


def test_google_file(tmp_path):
    setup, *_, raw = written(GoogleAdsEditor, tmp_path)
    rows = table(raw)
    assert tuple(rows[0]) == GOOGLE
    assert raw.decode("utf-8").startswith("Campaign,Ad Group,Ad type,Labels,Headline 1,Headline 1 position,")
    search = [r for r in rows if r["Ad type"] == "Responsive search ad"]
    assert len(search) == 2
    for row in search:
        assert all(row[f"Headline {i}"] for i in range(1, 16))
        assert all(row[f"Description {i}"] for i in range(1, 5))
        assert row["Status"] == "Paused"
        assert row["Headline 1"] == "'=1+1 is two"
    display = [r for r in rows if r["Ad type"] == "Responsive display ad"]
    assert all((setup.folder / "google_ads_editor_images" / r["Image 1"]).is_file() for r in display)
    campaigns = [r for r in rows if r["Campaign type"]]
    assert [(r["Campaign type"], r["Campaign daily budget"]) for r in campaigns] == [
        ("Display", "12.50"),
        ("Search", "12.51"),
    ]
    assert {r["Campaign status"] for r in campaigns} == {"Paused"}
    assert {r["Location ID"] for r in rows if r["Location ID"]} == {"2826", "2372"}
    assert all(r["Campaign"] and "omnimix" in r["Labels"] for r in rows)
    negatives = [r for r in rows if r["Criterion Type"] == "Negative audience"]
    assert {"omnimix spring lane=none"} <= {r["Audience"] for r in negatives if not r["Ad Group"]}
    urls = [r["Final URL"] for r in rows if r["Final URL"]]
    assert all("utm_source=google" not in u and "utm_campaign=spring" in u and "from=ad" in u for u in urls)


def test_meta_file(tmp_path):
    setup, *_, raw = written(MetaBulk, tmp_path)
    rows = table(raw)
    assert tuple(rows[0]) == META
    assert len(META) == 78
    assert len(rows) == 2
    for row in rows:
        assert row["Campaign Status"] == row["Ad Set Run Status"] == row["Ad Status"] == "PAUSED"
        assert row["Campaign Objective"] == "Outcome Sales"
        assert row["Campaign Daily Budget"] == "25.01"
        assert row["Campaign Start Time"] == "03/01/2027 12:00:00 am"
        assert row["Campaign Stop Time"] == "04/30/2027 11:59:00 pm"
        assert "lane=none" in row["Excluded Custom Audiences"]
        assert (setup.folder / "meta_bulk_images" / row["Image File Name"]).is_file()
        assert row["Call to Action"] == "GET_OFFER"
        assert json.loads(row["Attribution Spec"])
    assert "lane=segment segment=loyal-regulars" in rows[1]["Custom Audiences"]


def test_microsoft_file(tmp_path):
    *_, raw = written(MicrosoftBulk, tmp_path)
    assert raw.startswith(b"\xef\xbb\xbfType,Status,Id,Parent Id,Campaign,")
    rows = table(raw)
    assert (rows[0]["Type"], rows[0]["Name"]) == ("Format Version", "6.0")
    ids = {r["Id"] for r in rows[1:]}
    assert len(ids) == len(rows) - 1
    assert all(r["Parent Id"] in ids | {"0"} for r in rows[1:])
    assert {r["Parent Id"] for r in rows if r["Type"] == "Campaign"} == {"0"}
    assert {r["Status"] for r in rows[1:]} == {"Paused"}
    ads = [r for r in rows if r["Type"] == "Responsive Search Ad"]
    assert [len(json.loads(r["Headline"])) for r in ads] == [15, 15]
    assert json.loads(ads[0]["Headline"])[0] == {"text": "=1+1 is two"}
    assert json.loads(ads[0]["Description"])[3] == {"text": "Für Käse & Tee 茶"}
    assert [r["Start Date"] for r in rows if r["Type"] == "Campaign"] == ["3/1/2027"]


@pytest.mark.parametrize(
    ("adapter", "word"), [(GoogleAdsEditor, "Removed"), (MicrosoftBulk, "Deleted"), (MetaBulk, "ARCHIVED")]
)
def test_a_removed_ad_stays_as_a_row_that_says_so(adapter, word, tmp_path):
    setup, channel, resources, _ = written(adapter, tmp_path)
    ad = resources[-1]
    channel.write(Change(Action.REMOVE, ad, ad), idempotency_key="r")
    cells = [c for r in table((setup.folder / f"{channel.name}.csv").read_bytes()) for c in r.values()]
    assert cells.count(word) == 1
    assert ad not in list(channel.read())


@pytest.mark.parametrize(
    ("adapter", "paused", "on"),
    [(GoogleAdsEditor, "Paused", "Enabled"), (MicrosoftBulk, "Paused", "Active"), (MetaBulk, "PAUSED", "ACTIVE")],
)
def test_what_a_person_turned_on_is_read_as_on(adapter, paused, on, tmp_path):
    setup, channel, _, raw = written(adapter, tmp_path)
    (setup.folder / f"{channel.name}.csv").write_bytes(raw.replace(paused.encode(), on.encode()))
    statuses = {r.status for r in channel.read() if not (adapter is MetaBulk and r.kind == "audience")}
    assert statuses == {Status.ENABLED}


@pytest.mark.parametrize("adapter", BULK)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n1,2\n", b'"open'])
def test_a_spoilt_file_is_one_clear_error(adapter, content, tmp_path):
    setup, channel, _, _ = written(adapter, tmp_path)
    (setup.folder / f"{channel.name}.csv").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"\.csv"):
        list(channel.read())


@pytest.mark.parametrize("adapter", BULK)
def test_any_spoilt_cell_is_read_or_one_clear_error(adapter, tmp_path):
    setup, channel, _, raw = written(adapter, tmp_path)
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    for place in range(len(rows[0])):
        spoilt = [list(r) for r in rows]
        for row in spoilt[2:5]:
            row[place] = "spoilt"
        out = io.StringIO(newline="")
        csv.writer(out).writerows(spoilt)
        (setup.folder / f"{channel.name}.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
        with contextlib.suppress(InvalidInput):
            list(channel.read())


def test_another_currency_is_refused(tmp_path):
    suite = ChannelSuite()
    setup = suite.setup_in(tmp_path)
    euro = Setup(setup.folder, setup.pictures, setup.brand, "EUR")
    for adapter in BULK:
        channel = adapter(euro)
        campaign = example_resources(channel.supports, pictures=setup.pictures)[0]
        with pytest.raises(InvalidInput, match="GBP"):
            channel.write(Change(Action.CREATE, campaign), idempotency_key="x")


def test_two_campaigns_of_one_name_are_refused(tmp_path):
    _, channel, resources, _ = written(GoogleAdsEditor, tmp_path)
    twin = type(resources[0])("summer/search", None, resources[0].content)
    with pytest.raises(InvalidInput, match="already has the name"):
        channel.write(Change(Action.CREATE, twin), idempotency_key="x")


def test_email_files(tmp_path):
    suite = ChannelSuite()
    setup = suite.setup_in(tmp_path)
    channel = EmailFiles(setup)
    resources = example_resources(channel.supports, pictures=setup.pictures)
    suite.fill(channel, resources)
    pages = sorted((setup.folder / "email_files").glob("*.html"))
    assert len(pages) == 2
    for page in pages:
        html, text = page.read_text(), page.with_suffix(".txt").read_text()
        facts = json.loads(page.with_suffix(".json").read_text())
        assert len(html.encode()) < 102_000
        for needed in ("A preheader", "First &lt;paragraph&gt;.", "1 High Street, York", 'alt="A ', "unsubscribe"):
            assert needed in html
        for needed in (
            "First <paragraph>.",
            "1 High Street, York",
            "https://shop.example/unsubscribe",
            "utm_medium=email",
        ):
            assert needed in text
        assert "fonts.googleapis" not in html
        assert "<script" not in html
        assert facts["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert facts["headers"]["List-Unsubscribe"] == "<https://shop.example/unsubscribe>"
        assert "omnimix spring lane=none" in facts["keep_out"]
        assert max(map(len, (line for line in text.splitlines() if "http" not in line))) <= 72
        picture = page.parent / html.split('src="')[1].split('"')[0]
        assert picture.is_file()


@pytest.mark.parametrize("field", ["postal_address", "unsubscribe_url", "sender"])
def test_what_the_brand_lacks_for_email_is_one_clear_error(field, tmp_path):
    values = {f: getattr(BRAND, f) for f in BRAND.__dataclass_fields__} | {field: ""}
    setup = ChannelSuite().setup_in(tmp_path)
    channel = EmailFiles(Setup(setup.folder, setup.pictures, Brand(**values), "GBP"))
    mail = example_resources(channel.supports, pictures=setup.pictures)[0]
    with pytest.raises(InvalidInput, match=f"brand.toml: {field}"):
        channel.write(Change(Action.CREATE, mail), idempotency_key="x")
    assert list(channel.read()) == []


def test_a_changed_email_is_no_longer_there(tmp_path):
    suite = ChannelSuite()
    setup = suite.setup_in(tmp_path)
    channel = EmailFiles(setup)
    suite.fill(channel, example_resources(channel.supports, pictures=setup.pictures))
    page = min((setup.folder / "email_files").glob("*.html"))
    page.write_text(page.read_text().replace("A preheader", "An unapproved preheader"))
    assert len(list(channel.read())) == 1
