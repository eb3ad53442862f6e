"""The tree of errors: one root, and a branch for each thing that the caller can do."""

import pytest

from trader.core import errors


@pytest.mark.parametrize("name", ["Retryable", "Rejected", "Conflict", "BadData", "BadConfig"])
def test_every_error_is_a_trader_error_with_its_message_and_is_drawn_in_the_tree(name):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.TraderError)
    assert str(kind("kline 12:00 is late; run again")) == "kline 12:00 is late; run again"
    assert f"── {name} " in errors.__doc__


def test_no_branch_is_caught_by_another():
    kinds = [errors.Retryable, errors.Rejected, errors.Conflict, errors.BadData, errors.BadConfig]
    assert not [(a, b) for a in kinds for b in kinds if a is not b and issubclass(a, b)]


def test_a_rejection_carries_the_exchanges_own_number():
    assert errors.Rejected("insufficient balance", code=-2010).code == -2010
    assert errors.Rejected("no").code == 0
