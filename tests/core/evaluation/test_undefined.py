"""None stands for what has no value."""

import math

import numpy as np
import pytest

from trader.core.evaluation.undefined import defined


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_what_json_cannot_say_is_none(value):
    assert defined(value) is None


def test_a_number_is_a_plain_float():
    assert defined(np.float64(0.5)) == 0.5
    assert type(defined(np.float64(0.5))) is float
