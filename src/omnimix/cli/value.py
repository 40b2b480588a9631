"""`omnimix value`: what customers are worth and likely to do next, and how such figures held.

in   the artifact and the fact of the last run; a profile's id
out  tables, or one profile's figures
"""

from typing import Annotated

import typer

from omnimix.audience.value.record import Backtest, Propensity, ValueReport, Worth
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.money import Money
from omnimix.flow.value import profile_value

ProfileArgument = Annotated[str, typer.Argument(help="A profile (p_…): show this person's figures only.")]
BinsOption = Annotated[bool, typer.Option("--bins", help="Show every tenth: predicted, seen, interval.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("value")(value)


def value(
    profile: ProfileArgument = "",
    bins: BinsOption = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Lifetime value and propensities: the model, its test on later data, the most and least valuable.

    With a profile: what that person is worth, with an interval, and the chance that they buy, stay away, answer.
    """
    with opened(workspace) as (_, machine):
        if profile:
            row, currency = profile_value(machine, profile), machine.currency
        else:
            report = machine.artifacts.load("value", ValueReport)
    if profile:
        if json:
            show.as_json(row)
        else:
            show.as_table(("figure", "of this profile"), _figures(row, currency))
    elif json:
        show.as_json(report)
    else:
        _print(report, bins=bins)


def _figures(row: dict[str, object], currency: str) -> list[tuple[str, str]]:
    """One profile's figures in words."""
    amounts = {n: v for n, v in row.items() if isinstance(v, int)}
    money = {n: str(Money(v, currency)) for n, v in amounts.items()}
    said = {n: f"{v:.1%}" for n, v in row.items() if isinstance(v, float) and n.startswith("p_")}
    orders = row["expected_orders"]
    unknown = "cannot be known"
    between = f", {money['clv_low']} to {money['clv_high']}" if money else ""
    return [
        ("lifetime value", money.get("clv_minor", unknown) + between),
        ("days with an order expected", f"{orders:.2f}" if isinstance(orders, float) else unknown),
        ("has not left for good", said.get("p_alive", unknown)),
        ("buys soon", said.get("p_buy", unknown)),
        ("stays away", said.get("p_churn", unknown)),
        ("answers a contact", said.get("p_respond", unknown)),
        ("as of", str(row["as_of"])[:10]),
    ]


def _print(report: ValueReport, *, bins: bool) -> None:
    show.out.print(
        f"[bold]Value of {report.customers:,} customers[/] as of {report.as_of:%Y-%m-%d}, "
        f"margin of the next {report.horizon_days} days (grade: {report.grade})",
        soft_wrap=True,
    )
    show.out.print(report.note, soft_wrap=True)
    tests: list[Backtest] = []
    if report.worth:
        _print_worth(report.worth, report.currency)
        tests += report.worth.tests
    show.as_table(("propensity", "days", "stands on", "why"), [_propensity(p) for p in report.propensities])
    tests += [p.test for p in report.propensities if p.test]
    for test in tests:
        _print_test(test, bins=bins)


def _print_worth(worth: Worth, currency: str) -> None:
    fitted = (*worth.orders, *worth.spend, *worth.refunds)
    show.as_table(
        ("parameter", "value", "standard error"),
        [(p.name, f"{p.value:.4g}", f"{p.error:.2g}") for p in fitted],
        title=f"BG/NBD (weeks), Gamma-Gamma (minor units), refunds; log-likelihood {worth.log_likelihood:,.1f}",
    )
    show.as_table(
        ("tenth", "people", "value each", "interval", "order days", "share of all"),
        [
            (
                d.decile,
                d.people,
                str(Money(round(d.clv_minor), currency)),
                f"{Money(round(d.low), currency)} to {Money(round(d.high), currency)}",
                d.expected_orders,
                f"{d.share:.1%}",
            )
            for d in worth.deciles
        ],
        title="Tenths of the customers by value",
    )
    if worth.coverage is not None:
        show.out.print(f"later margin lay within the interval for {worth.coverage:.1%} ({worth.level:.0%} should)")


def _propensity(p: Propensity) -> tuple[str, int, str, str]:
    return p.name, p.days, str(p.used), p.note


def _print_test(test: Backtest, *, bins: bool) -> None:
    until = f"known before {test.fitted_at:%Y-%m-%d}, seen until {test.tested_at:%Y-%m-%d}"
    show.as_table(
        ("measure", "model", "95 %", "recency alone", "gain", "95 % of the gain", "beyond chance"),
        [
            (
                s.name,
                f"{s.model:,.4g}",
                f"{s.low:,.4g} to {s.high:,.4g}",
                f"{s.baseline:,.4g}",
                f"{s.gain:,.4g}",
                f"{s.gain_low:,.4g} to {s.gain_high:,.4g}",
                s.beats,
            )
            for s in test.scores
        ],
        title=f"{test.name}: {until}; predicted {test.predicted:,.4g}, seen {test.seen:,.4g} {test.unit} a person",
    )
    if bins:
        for kind, rows in (("tenth", test.bins), ("orders so far", test.by_orders)):
            if rows:
                show.as_table(
                    (kind, "people", "predicted", "seen", "95 %"),
                    [
                        (
                            b.label,
                            b.people,
                            f"{b.predicted:,.4g}",
                            f"{b.seen:,.4g}",
                            f"{b.low:,.4g} to {b.high:,.4g}",
                        )
                        for b in rows
                    ],
                )
