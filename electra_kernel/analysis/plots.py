"""Pictures of what the analyses give: matplotlib axes in, artists out. The caller owns figure, size and file.

Amounts become binary fractions here and only here: a pixel is no money.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from electra_kernel.vocabulary.accounts import format_account

_IN, _OUT, _QUIET = "#2f7f79", "#b5563c", "#66717e"
_LINES = ("#1f4e5f", "#b5563c", "#6a9a3d", "#8a5a9e", "#c39a2f", "#4c86b8")


def plot_balances(axes: Axes, daily: Any, *, currency: str, column: str = "book_balance") -> list[Line2D]:
    """Balances over time, one stepped line an account.

    Args:
        axes: where to draw.
        daily: DataFrame of ``position.daily_balances``.
        currency: which currency to draw; one picture has one.
        column: ``book_balance`` or ``value_balance``.
    """
    rows = daily[daily["currency"] == currency]
    lines = []
    for number, (account, group) in enumerate(rows.groupby("account", sort=True)):
        look: dict[str, Any] = {
            "color": _LINES[number % len(_LINES)],
            "linewidth": 1.6,
            "label": format_account(str(account)),
        }
        lines += axes.step(list(group["day"]), _numbers(group[column]), where="post", **look)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize="small")
    axes.axhline(0, color=_QUIET, linewidth=0.6)
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_title("Balance by value date" if column == "value_balance" else "Balance", loc="left")
    _dress(axes, axes.yaxis, currency)
    return lines


def plot_flows(axes: Axes, monthly: Any, *, currency: str) -> tuple[BarContainer, BarContainer]:
    """Inflow above and outflow below the line, by month; ``monthly`` is a DataFrame of ``flows.flows``."""
    rows = monthly[monthly["currency"] == currency].groupby("month", sort=True)[["inflow", "outflow"]].sum()
    months = [f"{month:%b %Y}" for month in rows.index]
    inflow = axes.bar(months, _numbers(rows["inflow"]), color=_IN, width=0.6, label="In")
    outflow = axes.bar(months, [-value for value in _numbers(rows["outflow"])], color=_OUT, width=0.6, label="Out")
    axes.axhline(0, color=_QUIET, linewidth=0.6)
    if len(months) > 6:
        axes.tick_params(axis="x", labelrotation=45)
    if months:
        axes.legend(frameon=False, fontsize="small")
    axes.set_title("Flows by month", loc="left")
    _dress(axes, axes.yaxis, currency)
    return inflow, outflow


def plot_counterparties(axes: Axes, parties: Any, *, currency: str, by: str = "outflow") -> BarContainer:
    """Counterparties by size, largest on top; ``parties`` is a DataFrame of ``flows.top_counterparties``."""
    rows = parties[parties["currency"] == currency]
    names = [
        _short(name if isinstance(name, str) else key)
        for name, key in zip(rows["counterparty_name"], rows["counterparty"], strict=True)
    ]
    bars = axes.barh(range(len(names)), _numbers(rows[by]), color=_OUT if by == "outflow" else _IN, height=0.6)
    # A "$" from outside must not start a formula.
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_title("Paid most to" if by == "outflow" else "Received most from", loc="left")
    _dress(axes, axes.xaxis, currency)
    return bars


def _numbers(column: Sequence[Decimal] | Any) -> list[float]:
    return [float(value) for value in column]


def _short(name: str) -> str:
    return name if len(name) <= 32 else name[:31] + "…"


def _tick(value: float, _: int | None) -> str:
    shown = f"{value:,.2f}".removesuffix(".00")
    return shown.replace(",", "\u2009").replace("-", "\u2212")


def _dress(axes: Axes, money: Any, currency: str) -> None:
    money.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", "\u2009").replace("-", "\u2212"))
    )
    (axes.set_ylabel if money is axes.yaxis else axes.set_xlabel)(currency)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y" if money is axes.yaxis else "x", color="#e3e7eb", linewidth=0.6)
    axes.set_axisbelow(True)
