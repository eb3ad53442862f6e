"""Round trips: positions opened and left, and what each earned.

A trip lasts as long as the sign of the exposure; resizing is not leaving. A flip leaves one trip and opens the next.
"""

import numpy as np

from trader.core.evaluation.stream import Stream
from trader.core.klines import BoolArray, FloatArray


def leaves(exposure: FloatArray) -> BoolArray:
    """Tell for each row whether the position of the row before is left in it."""
    sign = np.sign(exposure)
    left = np.zeros(len(exposure), dtype=np.bool_)
    left[1:] = (sign[:-1] != 0) & (sign[1:] != sign[:-1])
    return left


def trip_returns(stream: Stream) -> FloatArray:
    """Return the net return of every completed round trip, oldest first, its costs of entering and leaving included.

    The cost of a flip is shared by the two trips in proportion to the exposures. A position that is still open at the
    end is not in it, nor are its costs.
    """
    exposure = stream.exposure
    held_before = np.concatenate([[0.0], exposure[:-1]])[: len(exposure)]
    left = leaves(exposure)
    share = np.divide(np.abs(held_before), np.abs(exposure - held_before), out=np.zeros(len(exposure)), where=left)
    leaving_cost = (stream.gross - stream.net) * share
    own = np.concatenate([[0.0], np.cumsum(stream.net + leaving_cost)])
    ends = np.flatnonzero(left)
    begins = np.flatnonzero((np.sign(exposure) != np.sign(held_before)) & (exposure != 0))[: len(ends)]
    return np.asarray(own[ends] - own[begins] - leaving_cost[ends])
