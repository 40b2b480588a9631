"""Numbers in words."""

import math
from datetime import date

import pytest

from omnimix.measurement.report import wording


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (wording.money(123456, "GBP"), "£1,234.56"),
        (wording.money(-50, "GBP"), "−£0.50"),
        (wording.money(math.inf, "GBP"), "not known yet"),
        (wording.whole(123_456_78, "GBP"), "£123,457"),
        (wording.whole(4_50, "GBP"), "£4.50"),
        (wording.whole(1_234_567, "JPY"), "¥1,234,567"),
        (wording.whole(math.inf, "GBP"), "not known yet"),
        (wording.thousand(1.23, "GBP"), "£12.30"),
        (wording.share(0.123), "12%"),
        (wording.share(0.012), "1.2%"),
        (wording.share(0.0), "0%"),
        (wording.ratio(-0.5), "−0.50"),
        (wording.wait(None), ""),
        (wording.wait(86_400), "1 day"),
        (wording.wait(7200), "2 hours"),
        (wording.wait(5), "under a minute"),
        (wording.between("£1", "£2"), "£1 to £2"),
        (wording.between("not known yet", "£2"), "not known yet"),
        (wording.measured(0.5, "share", "GBP"), "50%"),
        (wording.measured(1250, "minor", "GBP"), "£12.50"),
        (wording.measured(12.2, "days", "GBP"), "12 days"),
        (wording.measured(3.14, "count", "GBP"), "3.1"),
        (wording.plain("win_back"), "Win back"),
        (wording.day(date(2026, 3, 5)), "5 March 2026"),
        (wording.short_day(date(2026, 3, 5)), "5 Mar 26"),
        (str(wording.marked("use `x` & <b>")), "use <code>x</code> &amp; &lt;b&gt;"),
    ],
)
def test_wording(made: str, told: str) -> None:
    assert made == told
