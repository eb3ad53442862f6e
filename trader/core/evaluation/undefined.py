"""What a figure is called when it has no value: None, because figures are kept as JSON, which knows no NaN."""

import math


def defined(value: float) -> float | None:
    """Return a number as a plain float, None where it is NaN or infinite."""
    return float(value) if math.isfinite(value) else None
