"""The hold-out is read by the gate and by what comes after it: poisoned, it changes nothing that comes before."""

from dataclasses import replace

import numpy as np
import pytest

from tests.jobs.training.trainings import NOISE, desk_on, setup_of, studies_of, trained
from trader.core.klines import PRICE_COLUMNS, Klines
from trader.jobs.training.setup import spans_of
from trader.ml.training import train_model

HOLD_OUT = spans_of(NOISE, setup=setup_of()).hold_out


def poisoned(klines: Klines, *, start: int) -> Klines:
    """The klines with every price from a row on twice as high, and every move in the other direction."""
    columns = {name: values.copy() for name, values in klines.columns()}
    anchor = klines.close[start - 1]
    prices = {name: columns[name][start:] for name in PRICE_COLUMNS}
    for name in PRICE_COLUMNS:
        columns[name][start:] = 2 * anchor**2 / prices[name]
    columns["high"], columns["low"] = (
        np.maximum(columns["high"], columns["low"]),
        np.minimum(columns["high"], columns["low"]),
    )
    columns["volume"][start:] *= 3
    return Klines(interval=klines.interval, **columns)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    desk = desk_on(tmp_path_factory.mktemp("honest"), NOISE)
    return trained(desk).report, studies_of(desk)


def without_verdict(report):
    """What may not depend on the hold-out; a search's seconds and words of the outcome are no part of it."""
    study = replace(report.study, seconds=0.0)
    return study, report.recipe, report.in_sample, report.importance


def test_search_scores_and_importances_know_nothing_of_the_hold_out(tmp_path, honest):
    report, studies = honest
    desk = desk_on(tmp_path, poisoned(NOISE, start=HOLD_OUT))
    found = trained(desk).report
    assert without_verdict(found) == without_verdict(report)
    name = report.study.study_id
    assert studies_of(desk).study(name).trials == studies.study(name).trials
    assert studies_of(desk).record(name).plan == studies.record(name).plan
    assert found.verdict.challenger != report.verdict.challenger, "else nothing was poisoned"
    assert found.hold_out.metrics.gross != report.hold_out.metrics.gross


def test_the_judged_model_and_its_checks_know_nothing_that_happens_after_its_first_decision(tmp_path, honest):
    """Its newest label is about the close at which the hold-out begins, as that of a model trained live."""
    report, _ = honest
    found = trained(desk_on(tmp_path, poisoned(NOISE, start=HOLD_OUT + 1))).report
    assert found.checks == report.checks
    assert len(found.checks) == 8
    assert without_verdict(found) == without_verdict(report)
    assert found.verdict.challenger != report.verdict.challenger
    judged, poison = (
        train_model(klines[: HOLD_OUT + 1], symbol="BTCUSDT", recipe=report.recipe, now=report.at, versions={})
        for klines in (NOISE, poisoned(NOISE, start=HOLD_OUT + 1))
    )
    assert judged.card == poison.card
    assert judged.card.last == NOISE[: HOLD_OUT + 1].last


@pytest.mark.slow
def test_one_kline_before_the_hold_out_is_noticed(tmp_path, honest):
    """The poison would be found: a search that reads one hour more than it may is another study."""
    report, _ = honest
    found = trained(desk_on(tmp_path, poisoned(NOISE, start=HOLD_OUT - 1))).report
    assert found.study.study_id != report.study.study_id
    assert without_verdict(found) != without_verdict(report)
