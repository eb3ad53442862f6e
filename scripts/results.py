"""Write docs/results.md and its chart: `make results`, from a store with BTCUSDT 1h klines from 2017-08 on.

    .venv/bin/trader ingest --symbol BTCUSDT --start 2017-08 --end 2025-02
    make results RESULTS="--store trader-data/demo --replay replay-mark.json --trigger-rate trigger.json"

The walk-forwards are computed here, in a few minutes. What takes longer comes as the JSON of the command that made it:
`trader replay --retrain --json`, `trader trigger-rate --json`, and the no-skill promotion rates. `--end` leaves out
what lies after it, so that defaults can be changed without a look at later hours.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.results_page import Chapter, Walked, page, promotion_section, replay_section, trigger_section
from scripts.results_phases import nets, section
from trader.adapters.local_storage import LocalStorage
from trader.bootstrap import open_pool, recipe_of
from trader.cli.output import Bar
from trader.config import ENV_PREFIX, Settings, load_settings
from trader.config.sections import CostsSection, DecisionSection, RiskSection, SizingSection
from trader.config.training import TrainSection
from trader.core.accounting import Costs
from trader.core.errors import BadData, TraderError
from trader.core.evaluation.report import evaluate_stream
from trader.core.indicators import WARM_UP
from trader.jobs.walk_forward import WalkedForward, WalkForward, by_hand, run_walk_forward
from trader.report.recipes import describe_recipe, describe_rule
from trader.report.walk_forward_chart import Panel, Period, draw_walk_forward
from trader.store.klines import KlineStore

ROOT = Path(__file__).parents[1]
SYMBOL = "BTCUSDT"
FREE = Costs(fee_rate=0.0, slippage_rate=0.0)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


IN_SAMPLE = (day("2018-01-01"), day("2022-01-01"))
LATER = {
    "The tutorial's out-of-sample months": (day("2022-01-01"), day("2022-06-01")),
    "Later": (day("2022-06-01"), day("2025-03-01")),
}
TUTORIAL: dict[str, dict[str, Any]] = {
    # The best row of the tutorial's table, traded by the sign of its probability.
    "train": {
        "look_back_days": 59,
        "n_estimators": 355,
        "max_depth": 5,
        "learning_rate": 0.0317123218374243,
        "subsample": 0.786879421330084,
        "colsample_bytree": 0.886074463728819,
        "gamma": 20.0,
        "horizon": 1,
        "weighting": "equal",
        "max_bin": 256,
        "ensemble": "seeds",
        "ensemble_size": 1,
    },
    "decision": {"band": 0.0, "exit": "opposite", "allow_short": True, "min_volatility": 0.0, "min_volume_ratio": 0.0},
}
NEUTRAL = {"min_child_weight": 1.0, "reg_lambda": 1.0, "reg_alpha": 0.0}
"""What XGBoost does where the tutorial says nothing, for settings that it may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A strategy by its settings; `prefix` is what sets them before a command."""

    name: str
    settings: Settings
    prefix: str
    trials: int | None

    @property
    def text(self) -> str:
        """What it is, for people."""
        return f"{describe_recipe(recipe_of(self.settings))}; {describe_rule(self.settings.rules().decision)}"


def main() -> int:
    """Walk forward, collect, write."""
    options = parser().parse_args()
    try:
        write(options)
    except TraderError as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    return 0


def parser() -> argparse.ArgumentParser:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--store", type=Path, required=True, help="folder with ingested klines of BTCUSDT")
    asked.add_argument("--out", type=Path, default=ROOT / "docs", help="folder for results.md and results-equity.png")
    asked.add_argument("--end", type=day, help="nothing that opens at or after this day is read")
    asked.add_argument("--trials", type=int, help="recipes and rules tried in sample before the default was chosen")
    asked.add_argument("--replay", type=Path, nargs="*", default=[], metavar="JSON")
    asked.add_argument("--trigger-rate", type=Path, nargs="*", default=[], metavar="JSON")
    asked.add_argument("--promotion-rate", type=Path, nargs="*", default=[], metavar="JSON")
    asked.add_argument("--words", type=Path, nargs="*", default=[], metavar="MD", help="put above the figures")
    asked.add_argument("--section", type=Path, nargs="*", default=[], metavar="MD", help="put below them")
    return asked


def write(options: argparse.Namespace) -> None:
    """Compute and write the page and the chart."""
    store = KlineStore(LocalStorage(options.store.absolute()))
    chosen = strategies(trials=options.trials)
    periods = spans(store, chosen, end=options.end)
    walked = {
        (title, each.name): walk(store, each, start=start, end=end, is_first=title == next(iter(periods)))
        for title, (start, end) in periods.items()
        for each in chosen
    }
    panels = [
        Panel(
            name=each.name[:1].upper() + each.name[1:],
            periods=tuple(Period(name=short(title), stream=walked[title, each.name][1].stream) for title in periods),
        )
        for each in chosen
    ]
    costs = chosen[0].settings.rules().costs
    chart = draw_walk_forward(panels, title=f"{SYMBOL} 1h: walk-forward, in sample and after", costs=costs, seed=0)
    text = page(
        [Chapter(title=title, walked=tuple(walked[title, each.name][0] for each in chosen)) for title in periods],
        strategies={each.name: each.text for each in chosen},
        chart="results-equity.png",
        command="make results",
        measured=[
            phases(store, chosen[-1], periods),
            *measured(options),
            *(path.read_text(encoding="utf-8").splitlines() for path in options.section),
        ],
        words=[line for path in options.words for line in (*path.read_text(encoding="utf-8").splitlines(), "")],
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results-equity.png").write_bytes(chart)
    (options.out / "results.md").write_text(text, encoding="utf-8")


def phases(store: KlineStore, strategy: Strategy, periods: dict[str, tuple[datetime, datetime]]) -> list[str]:
    """Return how much of each period's figure is the place of the folds and the seed."""
    return section(
        {
            title: nets(store, strategy.settings, symbol=SYMBOL, start=start, end=end)
            for title, (start, end) in periods.items()
        }
    )


def strategies(*, trials: int | None) -> list[Strategy]:
    """Return the tutorial's strategy and the project's, whatever this machine's settings say."""
    alike: dict[str, Any] = {"sizing": SizingSection(), "costs": CostsSection(), "risk": RiskSection()}
    alike["bot"] = {"mode": "dry-run", "symbols": [SYMBOL], "interval": "1h"}
    tutorial = {section: dict(values) for section, values in TUTORIAL.items()}
    tutorial["train"] |= {name: value for name, value in NEUTRAL.items() if name in TrainSection.model_fields}
    return [
        Strategy(
            name="the tutorial's row",
            settings=load_settings(**alike, **tutorial),
            prefix=environment(tutorial),
            trials=None,
        ),
        Strategy(
            name="the default",
            settings=load_settings(**alike, train=TrainSection(), decision=DecisionSection()),
            prefix="",
            trials=trials,
        ),
    ]


def environment(sections: dict[str, dict[str, Any]]) -> str:
    """Return the assignments that make settings what they are here, but for defaults."""
    defaults = {"train": TrainSection().model_dump(mode="json"), "decision": DecisionSection().model_dump(mode="json")}
    words = [
        f"{ENV_PREFIX}{section}__{name}".upper() + f"={str(value).lower() if isinstance(value, bool) else value}"
        for section, values in sections.items()
        for name, value in values.items()
        if value != defaults[section][name]
    ]
    return " ".join([*words, ""])


def spans(
    store: KlineStore, chosen: Sequence[Strategy], *, end: datetime | None
) -> dict[str, tuple[datetime, datetime]]:
    """Return the periods by title; the first begins with the first month that every look-back lies before."""
    months = store.months(SYMBOL, "1h")
    first = store.read(SYMBOL, "1h", months[0]) if months else None
    if first is None:
        raise BadData(f"no klines are stored; run `trader ingest --symbol {SYMBOL} --start 2017-08 --end 2025-02`")
    days = max(recipe_of(each.settings).look_back_days for each in chosen)
    ready = first.klines.first + (WARM_UP + 24) * timedelta(hours=1) + timedelta(days=days)
    start, stop = IN_SAMPLE
    while start < ready:
        start = (start + timedelta(days=31)).replace(day=1)
    found = {f"In sample, {start:%Y-%m} to {stop - timedelta(days=1):%Y-%m}": (start, stop)}
    for title, (begin, until) in LATER.items():
        found[f"{title}, {begin:%Y-%m} to {until - timedelta(days=1):%Y-%m}"] = (begin, until)
    return {title: span for title, span in found.items() if end is None or span[1] <= end}


def walk(
    store: KlineStore, strategy: Strategy, *, start: datetime, end: datetime, is_first: bool
) -> tuple[Walked, WalkedForward]:
    """Return one strategy over one period; only in sample was anything chosen, so only there trials count."""
    settings, rules = strategy.settings, strategy.settings.rules()
    trials = strategy.trials if is_first else None
    test = WalkForward(
        symbol=SYMBOL,
        interval="1h",
        start=start,
        end=end,
        recipe=recipe_of(settings),
        rule=rules.decision,
        costs=rules.costs,
        range_margin=rules.risk.range_margin,
        trials=trials,
        seed=settings.train.seed,
    )
    found = run_walk_forward(test, store=store, open_pool=partial(open_pool, settings), progress=Bar(silent=False))
    free = replace(found.stream, net=found.stream.gross)
    counted = "" if trials is None else f" --trials {trials}"
    command = f"trader backtest --walk-forward --symbol {SYMBOL} --start {start:%Y-%m-%d} --end {end:%Y-%m-%d}{counted}"
    walked = Walked(
        strategy=strategy.name,
        command=strategy.prefix + command,
        net=found.evaluation,
        gross=evaluate_stream(free, costs=FREE, seed=test.seed, trials=by_hand(trials, free)),
        importance=found.importance,
    )
    return walked, found


def short(title: str) -> str:
    """Return a title as the chart says it."""
    return title.partition(",")[0].removeprefix("The ")


def measured(options: argparse.Namespace) -> list[list[str]]:
    """Return the sections that come from files."""
    replays = [json.loads(path.read_bytes()) for path in options.replay]
    return [
        *([replay_section(replays)] if replays else []),
        *(trigger_section(json.loads(path.read_bytes())) for path in options.trigger_rate),
        *(promotion_section(json.loads(path.read_bytes())) for path in options.promotion_rate),
    ]


if __name__ == "__main__":
    sys.exit(main())
