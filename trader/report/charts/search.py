"""What a study tried, as descriptions: the scores in their order, which parameters mattered, and parallel coordinates.

Scores are in sample, sums of hourly returns over the study's span. Failed trials have none and are only counted.
"""

from collections.abc import Callable, Sequence

import numpy as np

from trader.core.klines import FloatArray
from trader.ml.study import Study, Trial, TrialState
from trader.report import style
from trader.report.charts.description import (
    ORANGE,
    Axis,
    Bars,
    Chart,
    Coordinate,
    Line,
    Panel,
    Parallel,
    Points,
    Sign,
    Unit,
    count,
)

STUDY_CHARTS = ("optimisation_history", "param_importances", "parallel_coordinate")
"""The names that a study's charts are kept under."""
STABLE = 50
"""Below this many completed trials the top tenth has fewer than five, which is what PED-ANOVA is unstable for."""
_LEAST = 10
_DIGEST = 12


def optimisation_history(study: Study) -> Chart:
    """Return the score of every trial in their order, and the best so far."""
    scored = [trial for trial in study.trials if trial.score is not None]
    kinds: tuple[tuple[str, Callable[[Trial], bool], str, Sign], ...] = (
        ("Pruned, as far as it came", lambda trial: trial.state is TrialState.PRUNED, ORANGE, Sign.CROSS),
        ("Too few round trips", lambda trial: _is_complete(trial) and not trial.is_evidence, style.GREY, Sign.DISC),
        ("Complete", lambda trial: _is_complete(trial) and trial.is_evidence, style.BLUE, Sign.DISC),
    )
    points = tuple(
        _scores(label, list(filter(has, scored)), color=color, sign=sign) for label, has, color, sign in kinds
    )
    panel = Panel(
        parts=(*(part for part in points if len(part.x)), *_best_so_far(scored)),
        x=Axis(label="trial", ticks=_few_numbers(scored)),
        y=Axis(label="score, % of notional", unit=Unit.SIGNED_PERCENT),
    )
    return _chart(
        study,
        name="optimisation_history",
        title="Optimisation history",
        panels=(panel,),
        empty="" if scored else _nothing(study),
    )


def _scores(label: str, trials: Sequence[Trial], *, color: str, sign: Sign) -> Points:
    return Points(
        name=label,
        value=f"({len(trials):,})",
        x=np.array([trial.number for trial in trials], dtype=np.float64),
        y=np.array([100 * _score(trial) for trial in trials], dtype=np.float64),
        color=color,
        notes=tuple(_note(trial) for trial in trials),
        sign=sign,
        size=4.5,
    )


def _few_numbers(scored: Sequence[Trial]) -> tuple[tuple[float, str], ...]:
    """Return a tick for each of a few trials: there is no half of one."""
    return tuple((float(trial.number), str(trial.number)) for trial in scored) if len(scored) <= _LEAST else ()


def _best_so_far(scored: Sequence[Trial]) -> tuple[Line, ...]:
    known = [trial for trial in scored if trial.is_evidence]
    if not known:
        return ()
    best = 100 * np.maximum.accumulate([_score(trial) for trial in known])
    at = np.array([*(trial.number for trial in known), scored[-1].number], dtype=np.float64)
    value = style.percent(best[-1], decimals=2, signed=True)
    heights = np.append(best, best[-1])
    return (Line(name="Best so far", value=value, x=at, y=heights, color=style.VERMILION, width=2.0, is_step=True),)


def param_importances(study: Study, *, shares: dict[str, float]) -> Chart:
    """Return how much each parameter has to do with being in the top tenth; `shares` are those of PED-ANOVA."""
    tried = completed(study)
    ranked = sorted(shares.items(), key=lambda pair: pair[1])
    place = np.arange(len(ranked), dtype=np.float64)
    value = np.array([100 * share for _, share in ranked])
    panel = Panel(
        parts=(Bars(name="Importance", at=place, value=value, width=0.7, color=style.BLUE, is_lying=True),),
        x=Axis(label="share of importance", unit=Unit.PERCENT, low=0),
        y=Axis(ticks=tuple((float(at), parameter) for at, (parameter, _) in zip(place, ranked, strict=True))),
    )
    few = f"fewer than {STABLE} completed trials: unstable" if shares and len(tried) < STABLE else ""
    lacking = f"It takes {_LEAST} completed trials with different scores; there are {len(tried)} completed ones."
    empty = "" if shares else lacking if tried else _nothing(study)
    return _chart(
        study,
        name="param_importances",
        title="What the score depends on (PED-ANOVA)",
        panels=(panel,),
        empty=empty,
        note=few,
    )


def parallel_coordinate(study: Study) -> Chart:
    """Return the parameters of every completed trial as a line, coloured by its score."""
    tried = completed(study)
    scores = np.array([100 * _score(trial) for trial in tried])
    names = list(dict.fromkeys(parameter for trial in tried for parameter in trial.parameters))
    whole = [trial for trial in tried if all(parameter in trial.parameters for parameter in names)]
    coordinates = [_numbers("score %", scores)] if tried else []
    coordinates += [_coordinate(parameter, [trial.parameters[parameter] for trial in whole]) for parameter in names]
    panel = Panel(parts=(Parallel(coordinates=tuple(coordinates)),), x=Axis(), y=Axis())
    return _chart(
        study,
        name="parallel_coordinate",
        title="Parameters of the completed trials",
        panels=(panel,),
        empty="" if tried else _nothing(study),
        note="a line is a trial; bright: a high score" if tried else "",
    )


def _coordinate(name: str, values: Sequence[int | float | str]) -> Coordinate:
    if all(not isinstance(value, str) for value in values):
        return _numbers(name, np.array(values, dtype=np.float64))
    words = sorted({str(value) for value in values})
    places = np.array([words.index(str(value)) for value in values], dtype=np.float64)
    return Coordinate(name=name, values=places, ticks=tuple((float(at), word) for at, word in enumerate(words)))


def _numbers(name: str, values: FloatArray) -> Coordinate:
    ticks = np.unique([values.min(), (values.min() + values.max()) / 2, values.max()])
    return Coordinate(
        name=name,
        values=values,
        ticks=tuple((float(each), style.short(each).replace("-", "\N{MINUS SIGN}")) for each in ticks),
    )


def completed(study: Study) -> list[Trial]:
    """Return the trials that were scored on the whole span."""
    return [trial for trial in study.trials if _is_complete(trial)]


def is_enough(study: Study) -> bool:
    """Return whether there is a top tenth to speak of: enough completed trials that did not all score the same."""
    tried = completed(study)
    return len(tried) >= _LEAST and len({trial.score for trial in tried}) > 1


def _is_complete(trial: Trial) -> bool:
    return trial.state is TrialState.COMPLETE and trial.score is not None


def _score(trial: Trial) -> float:
    return float("nan") if trial.score is None else trial.score


def _note(trial: Trial) -> str:
    parameters = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in trial.parameters.items()
    )
    return f"trial {trial.number}, {count(trial.round_trips, 'round trip')}: {parameters}"


def _nothing(study: Study) -> str:
    if not study.trials:
        return "No trial has ended yet."
    if study.count(TrialState.FAILED) == len(study.trials):
        return f"No trial has a score: all {len(study.trials):,} failed."
    return "No trial has been scored on the whole span yet."


def _chart(study: Study, *, name: str, title: str, panels: tuple[Panel, ...], empty: str, note: str = "") -> Chart:
    tally = ", ".join(f"{study.count(state):,} {state}" for state in TrialState)
    span = f"{study.first:%Y-%m-%d} to {study.last:%Y-%m-%d} UTC"
    lines = (
        f"study {study.digest[:_DIGEST]}: in sample, {count(study.folds, 'fold')}, {span}",
        f"{count(len(study.trials), 'trial')}: {tally}; {_best(study)}",
        note,
    )
    return Chart(
        name=name,
        title=title,
        subtitle=tuple(line for line in lines if line),
        panels=() if empty else panels,
        height=5.2,
        empty=empty,
    )


def _best(study: Study) -> str:
    """Return the best score, and in how many round trips it was made."""
    if study.best is None:
        return "none has enough round trips: NO EVIDENCE"
    score = style.percent(100 * _score(study.best), decimals=2, signed=True)
    return f"best {score} with {count(study.best.round_trips, 'round trip')}"
