"""One look in words: the findings of the newest day, each with its limit and what it means."""

from dataclasses import replace
from datetime import datetime

import numpy as np

from trader.core.evaluation.calibration import Calibration, calibrate
from trader.core.klines import to_ms
from trader.ml.drift.importance import importance_drift
from trader.ml.drift.looks import Alarms, Looks, alarms_at, look_daily
from trader.ml.drift.paths import FEWEST_DAYS
from trader.ml.drift.reference import Reference
from trader.ml.drift.report import DriftReport, FeatureDrift, Finding, alarms_of
from trader.ml.drift.sample import DAY_MS, Rows


def examine(reference: Reference, rows: Rows, *, now: datetime) -> DriftReport:
    """Return what the newest look finds in the rows that were served in the window before `now`."""
    window = reference.window_days
    rows = rows[int(np.searchsorted(rows.open_time, to_ms(now) - window * DAY_MS)) :]
    report = DriftReport(
        checked_at=now,
        model_id=reference.model_id,
        rows=len(rows),
        window_days=window,
        false_alarms_per_year=reference.false_alarms_per_year,
        importance=importance_drift(reference.gains, before=reference.before.gains, model_id=reference.before.model_id),
        note="" if reference.is_exact else "the stored klines are not quite those that the model was trained on",
    )
    fewest = FEWEST_DAYS * reference.slots
    if len(rows) < fewest or rows.days < FEWEST_DAYS:
        early = f"too early: {len(rows)} of at least {fewest} rows were served in the last {window} days"
        return replace(report, too_early=True, note=early)
    return _found(report, reference=reference, rows=rows)


def _found(report: DriftReport, *, reference: Reference, rows: Rows) -> DriftReport:
    looks = look_daily(reference, rows)
    alarms = alarms_at(reference, looks)
    features = _features(reference, looks, alarms)
    prediction = _prediction(reference, looks, alarms)
    rate = _label_rate(reference, looks, alarms)
    related = _relation(reference, looks, alarms)
    earned = _performance(reference, looks, alarms, rows=rows)
    return replace(
        report,
        features=features,
        prediction=prediction,
        label_rate=rate,
        relation=related,
        performance=earned,
        figures=_figures(reference, rows),
        alarms=alarms_of(features, prediction, rate, related, earned),
    )


def _features(reference: Reference, looks: Looks, alarms: Alarms) -> tuple[FeatureDrift, ...]:
    limits, wide = reference.features.limits, float(looks.wide[-1])
    return tuple(
        FeatureDrift(
            name=name,
            psi=float(looks.psi[-1, column]),
            ks=float(looks.ks[-1, column]),
            limit_psi=limits.psi[column] * wide**2,
            limit_ks=limits.ks[column] * wide,
            alarm=bool(alarms.features[-1, column]),
        )
        for column, name in enumerate(reference.names)
    )


def _prediction(reference: Reference, looks: Looks, alarms: Alarms) -> Finding:
    if _is_new(reference, looks):
        return Finding(name="prediction", value=None, what=_too_new(reference, looks))
    return Finding(
        name="prediction",
        value=float(looks.prediction[-1]),
        limit=reference.prediction.limits.ks[0] * float(looks.own_wide[-1]),
        alarm=bool(alarms.prediction[-1]),
        what="KS distance of p(up) from what fits that had not seen the row said in training",
    )


def _label_rate(reference: Reference, looks: Looks, alarms: Alarms) -> Finding:
    rate = float(looks.rate[-1])
    return Finding(
        name="label rate",
        value=abs(rate - reference.label_rate),
        limit=reference.outcomes.label_rate * float(looks.wide[-1]),
        alarm=bool(alarms.label_rate[-1]),
        what=f"{rate:.1%} of the labels are up, {reference.label_rate:.1%} were in training",
    )


def _relation(reference: Reference, looks: Looks, alarms: Alarms) -> Finding:
    if _is_new(reference, looks):
        return Finding(name="relation", value=None, what=_too_new(reference, looks))
    return Finding(
        name="relation",
        value=float(looks.relation[-1]),
        limit=reference.outcomes.relation,
        alarm=bool(alarms.relation[-1]),
        what="covariance of p(up) and what came, in its own deviations; below 0 it says the opposite of what comes",
    )


def _performance(reference: Reference, looks: Looks, alarms: Alarms, *, rows: Rows) -> Finding:
    if _is_new(reference, looks):
        return Finding(name="performance", value=None, what=_too_new(reference, looks))
    own = ~np.isnan(rows.p_up)
    net, gross = float(rows.net[own].sum()), float(rows.gross[own].sum())
    held_out = reference.before.hold_out
    expected = "" if held_out is None else f"; at the rate of its hold-out it would be {held_out * own.sum():+.2%}"
    return Finding(
        name="performance",
        value=float(looks.performance[-1]),
        limit=reference.outcomes.performance,
        alarm=bool(alarms.performance[-1]),
        what=(
            f"{gross:+.2%} before costs in the deviations of daily returns; below 0 it is worse than coins;"
            f" {net:+.2%} net{expected}"
        ),
    )


def _is_new(reference: Reference, looks: Looks) -> bool:
    return float(looks.own[-1]) < FEWEST_DAYS * reference.slots


def _too_new(reference: Reference, looks: Looks) -> str:
    return f"too early: the model has decided {looks.own[-1]:.0f} of at least {FEWEST_DAYS * reference.slots} rows"


def _figures(reference: Reference, rows: Rows) -> tuple[Finding, ...]:
    """Return Brier score, calibration error and ranking of the window; figures without alarms."""
    found = calibrate(rows.p_up, rows.labels)
    if found is None:
        return ()
    return (
        Finding(
            name="brier",
            value=found.brier,
            what=f"mean squared error of p(up); {reference.brier:.4f} in training by fits that had not seen the row",
        ),
        Finding(name="ece", value=calibration_error(found), what="expected calibration error over ten bins"),
        Finding(name="auc", value=found.auc, what="chance that p(up) ranks an hour that rose above one that did not"),
    )


def calibration_error(found: Calibration) -> float:
    """Return the mean distance between what was said and what came, over bins by their rows (Naeini 2015)."""
    return sum(each.count * abs(each.mean_p - each.rate) for each in found.reliability) / found.rows
