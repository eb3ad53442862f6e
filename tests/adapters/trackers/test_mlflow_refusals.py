"""MLflow's words for what went wrong, in ours."""

import pytest

from trader.core.errors import Rejected

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mlflow")]  # MLflow takes a second to import


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "(raised as a result of Query-invoked flush)\n(sqlite3.OperationalError) database or disk is full\n[SQL]",
            "it refused: its database: database or disk is full",
        ),
        ("Invalid metric name\nmore", "it refused: Invalid metric name"),
    ],
)
def test_a_database_that_refuses_is_told_in_its_own_words(said, told):
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - as said

    from trader.adapters.trackers.mlflow_refusals import refusals  # noqa: PLC0415

    with pytest.raises(Rejected) as caught, refusals():
        raise MlflowException(said)
    assert str(caught.value) == told
