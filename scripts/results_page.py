"""The page of results: what was walked forward, replayed and measured, as Markdown. Nothing is computed here."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trader.core.evaluation.report import Evaluation
from trader.core.performance import evidence
from trader.ml.importance import Importance
from trader.report.evaluation import (
    importance_table,
    month_table,
    probability_table,
    reliability_table,
    year_table,
)
from trader.report.figures import figure_tables
from trader.report.tables import Table, as_markdown, beside
from trader.report.text import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """One strategy over one period, before and after costs, and the command that does it again."""

    strategy: str
    command: str
    net: Evaluation
    gross: Evaluation
    importance: Importance


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One period, and every strategy over it."""

    title: str
    walked: tuple[Walked, ...]


def page(
    chapters: Sequence[Chapter],
    *,
    strategies: Mapping[str, str],
    chart: str,
    command: str,
    measured: Sequence[Sequence[str]],
    words: Sequence[str],
) -> str:
    """Return the page; `strategies` are described, `measured` are sections from files, `words` a person's."""
    lines = [
        "# Results",
        "",
        f"Written by `{command}`; do not edit. What each figure means is in [evaluation.md](evaluation.md).",
        "Returns are sums of hourly returns on a fixed notional, in per cent of it. Every model decides only hours",
        "after those it was fitted to; but recipe, rule and trigger were *chosen* by looking at 2018-2021, which",
        "flatters the in-sample chapter and no later one. Commands are meant after",
        "`export TRADER__BOT__MODE=dry-run`, on a store with these months.",
        "",
        *(f"- **{name}**: {text}" for name, text in strategies.items()),
        "",
        *words,
        "## In short",
        "",
        *as_markdown(summary_table(chapters)),
        "",
        f"![Walk-forward equity]({chart})",
        "",
    ]
    for chapter in chapters:
        lines += chapter_lines(chapter)
    for section in measured:
        lines += [*section, ""]
    return "\n".join(lines).rstrip() + "\n"


def summary_table(chapters: Sequence[Chapter]) -> Table:
    """Return a row a period and strategy."""
    return Table(
        title="In short",
        columns=("period", "strategy", "gross", "net", "90 % of net", "round trips", "coins as good", "always long"),
        align="llrrrrrr",
        rows=tuple(_short(chapter, each) for chapter in chapters for each in chapter.walked),
    )


def _short(chapter: Chapter, walked: Walked) -> tuple[str, ...]:
    metrics, doubt, baselines = walked.net.metrics, walked.net.uncertainty.net, walked.net.no_skill
    return (
        chapter.title,
        walked.strategy,
        percent(metrics.gross),
        percent(metrics.net),
        f"{percent(doubt.low)} to {percent(doubt.high)}",
        f"{metrics.round_trips:,}" + (" NO EVIDENCE" if walked.net.evidence else ""),
        f"{baselines.coins.at_least_as_good:.0%}".replace("%", " %"),
        percent(baselines.always_long),
    )


def chapter_lines(chapter: Chapter) -> list[str]:
    """Return everything about one period."""
    names = [name for walked in chapter.walked for name in (f"{walked.strategy}, gross", f"{walked.strategy}, net")]
    found = [figures for walked in chapter.walked for figures in (walked.gross, walked.net)]
    lines = [f"## {chapter.title}", "", *_code(*(walked.command for walked in chapter.walked))]
    lines += ["With `--gross` for the columns before costs.", ""]
    for tables in zip(*map(figure_tables, found), strict=True):
        lines += _titled(beside(tables, names=names))
    calibrations = [(walked.strategy, walked.net.calibration) for walked in chapter.walked if walked.net.calibration]
    forecasts = [probability_table(calibration) for _, calibration in calibrations if calibration]
    if forecasts:
        lines += _titled(beside(forecasts, names=[name for name, _ in calibrations]))
    for walked in chapter.walked:
        lines += [
            f"### {chapter.title.partition(',')[0]}: {walked.strategy}",
            "",
            *as_markdown(year_table(walked.net.by_year)),
            "",
        ]
        folded = [month_table(walked.net.by_month), importance_table(walked.importance)]
        if walked.net.calibration is not None:
            folded.append(reliability_table(walked.net.calibration))
        for table in folded:
            lines += _folded(table)
    return lines


def replay_section(replays: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what `trader replay --retrain --json` printed, a row a replay."""
    rows = []
    for each in replays:
        figures, outcomes = each["performance"], [_outcome(one) for one in each["trainings"]]
        counted = ", ".join(f"{outcomes.count(name)} {name}" for name in dict.fromkeys(outcomes)) or "none"
        trips = f"{each['round_trips']:,}" + (" NO EVIDENCE" if evidence(each["round_trips"]) else "")
        sharpe = "-" if figures["sharpe"] is None else f"{figures['sharpe']:.2f}"
        rows.append(
            (
                f"{each['start'][:10]} to {each['end'][:10]}",
                each["on_halt"],
                f"{each['runs']:,}",
                percent(each["gross"]),
                percent(each["net"]),
                trips,
                sharpe,
                percent(-figures["max_drawdown"]),
                percent(each["hold"]),
                str(each["halts"]),
                counted,
            )
        )
    table = Table(
        title="Replay with the trigger on",
        columns=(
            *("hours decided", "on halt", "runs", "gross", "net", "round trips", "Sharpe", "drawdown", "hold"),
            *("limits reached", "trainings"),
        ),
        align="llrrrrrrrrl",
        rows=tuple(rows),
    )
    commands = [
        f"trader replay --symbol {each['symbol']} --start {each['start'][:10]} --end {each['end'][:10]}"
        f" --on-halt {each['on_halt']} --retrain --json"
        for each in replays
    ]
    lines = ["## Replay with the trigger on", "", *_code(*commands), *as_markdown(table), ""]
    for each in replays:
        lines += _folded(_trainings(each))
    return lines[:-1]


def _trainings(replay: Mapping[str, Any]) -> Table:
    """Return every training of a replay: when, why, and what came of it."""
    return Table(
        title=f"Its trainings, --on-halt {replay['on_halt']}",
        columns=("kline", "why", "outcome", "model"),
        align="llll",
        rows=tuple(
            (
                each["kline"][:16].replace("T", " "),
                each["why"].rpartition("(")[2].rstrip(")"),
                _outcome(each),
                (each["finished"] or {}).get("model_id") or "-",
            )
            for each in replay["trainings"]
        ),
    )


def _outcome(training: Mapping[str, Any]) -> str:
    """Return promoted, rejected, challenger or failed."""
    return str(training["finished"]["outcome"] if training["finished"] else training["outcome"])


def trigger_section(found: Mapping[str, Any]) -> list[str]:
    """Return what `trader trigger-rate --json` printed."""
    table = Table(
        title="How often the trigger fires for a model without skill",
        columns=("N", "threshold", "fires a year", "5-95 % of coins", "loser caught in 2 weeks", "median days"),
        align="rrrrrr",
        rows=tuple(
            (
                str(each["window"]),
                percent(each["threshold"]),
                f"{each['a_year']:.1f}",
                f"{each['low']:.1f} to {each['high']:.1f}",
                f"{each['caught'] * 100:.0f} %",
                "never" if each["days"] is None else f"{each['days']:.1f}",
            )
            for each in found["rates"]
        ),
    )
    command = found.get("command") or (
        f"trader trigger-rate --symbol {found['symbol']} --start {found['start'][:10]} --end {found['end'][:10]} --json"
    )
    words = (
        f"{found['coins']} coins and as many losing models over {found['klines']:,} klines; net a week:"
        f" {percent(found['coin_week'])} and {percent(found['losing_week'])}."
    )
    return [f"## {table.title}", "", *_code(command), words, "", *as_markdown(table)]


def promotion_section(found: Mapping[str, Any]) -> list[str]:
    """Return how often the gate lets a challenger without skill through: {"command": ..., "rates": [...]}."""
    table = Table(
        title="How often a challenger without skill is promoted",
        columns=("hold-out", "confidence", "margin", "least round trips", "trainings", "contests", "promoted", "90 %"),
        align="rrrrrrrr",
        rows=tuple(
            (
                f"{each['gate']['hold_out_days']} days",
                f"{each['gate']['rules']['confidence']:g}",
                percent(each["gate"]["rules"]["margin"]),
                str(each["gate"]["rules"]["min_round_trips"]),
                str(each["hours"]),
                str(each["contests"]),
                f"{each['rate'] * 100:.1f} %",
                f"{each['low'] * 100:.1f} to {each['high'] * 100:.1f} %",
            )
            for each in found["rates"]
        ),
    )
    code = _code(found["command"]) if found.get("command") else []
    words = ["The challenger is the champion's recipe with another seed: every promotion is luck.", ""]
    return [f"## {table.title}", "", *code, *words, *as_markdown(table)]


def _code(*commands: str) -> list[str]:
    """Return commands as a block to paste; long ones are continued on the next line."""
    lines: list[str] = []
    for each in commands:
        words, _, order = each.rpartition(" trader ")
        pieces = [*textwrap.wrap(words, 110, break_on_hyphens=False), f"trader {order}"] if words else [each]
        lines += " \\\n  ".join(pieces).splitlines()
    return ["```", *lines, "```", ""]


def _titled(table: Table) -> list[str]:
    return [f"**{table.title}**", "", *as_markdown(table), ""]


def _folded(table: Table) -> list[str]:
    return [f"<details><summary>{table.title}</summary>", "", *as_markdown(table), "", "</details>", ""]
