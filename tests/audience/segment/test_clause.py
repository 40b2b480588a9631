"""The language of rule segments: what is written is what is meant, and anything else is refused in words."""

import pytest

from omnimix.audience.segment.clause import Compared, Happened, Known, Member, read_clause
from omnimix.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("orders >= 5", Compared("orders", ">=", 5.0)),
        ("recency_days≤90", Compared("recency_days", "<=", 90.0)),
        ("category_share:Kitchen & baking > 0.3", Compared("category_share:Kitchen & baking", ">", 0.3)),
        ("country = GB", Compared("country", "==", "GB")),
        ('stage != "at_risk"', Compared("stage", "!=", "at_risk")),
        ("p_churn >= 0.6", Compared("p_churn", ">=", 0.6)),
        ("trait:plan = gold", Known("plan", "==", "gold")),
        ("trait:lead_score >= 50", Known("lead_score", ">=", 50.0)),
        ("trait:plan", Known("plan")),
        ("Order Completed", Happened("Order Completed")),
        ("Product Viewed >= 3 within 14 days", Happened("Product Viewed", ">=", 3, hours=14 * 24)),
        ("no Order Completed within 1 week", Happened("Order Completed", "==", 0, hours=168)),
        ("no Order Completed since Product Added", Happened("Order Completed", "==", 0, since="Product Added")),
        (
            "Product Viewed where device = mobile and medium = cpc < 2 within 5 hours",
            Happened("Product Viewed", "<", 2, (("device", "mobile"), ("medium", "cpc")), 5),
        ),
        ("event:catalog within 2 days", Happened("catalog", hours=48)),
        ("in:vip", Member("vip")),
    ],
)
def test_a_condition_is_read_and_turned_round(text: str, asks: object) -> None:
    plain, turned = read_clause(text, where="here"), read_clause(f"not  {text}", where="here")
    assert (plain.asks, plain.negated) == (asks, False)
    assert (turned.asks, turned.negated) == (asks, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ordres >= 5", "did you mean 'orders'"),
        ("orders", "is no condition"),
        ("orders >= many", "is no number"),
        ("country > GB", "has no more or less"),
        ("category_share >= 0.3", "does not name one figure"),
        ("orders:Candles >= 1", "does not name one figure"),
        ("profile_id = p1", "does not name one figure"),
        ("trait:plan > gold", "has no more or less"),
        ("no Order Completed >= 2", "says both no and a number"),
        ("Order Completed >= 2 since Product Added", "counts since an event"),
        ("Product Viewed within 0 days", "empty window"),
        ("Product Viewed where colour = red", "has no column 'colour'"),
        ("", "is no condition"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_clause(text, where="segments.rules.x.when")
    assert says in str(raised.value)
    assert "segments.rules.x.when" in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "trait:gender = f",
        "trait:religion",
        "gender = f",
        "category_share:Pregnancy & maternity >= 0.1",
        "Product Viewed where page_path = /health/diabetes-medication",
        "Pregnancy Test Viewed within 30 days",
        "trait:interest = muslim",
        "not trait:age >= 60",
    ],
)
def test_what_is_sensitive_or_gives_it_away_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="sensitive"):
        read_clause(text, where="here")
