"""What a client and the workers of its cluster must agree on, or a study there is not the study here."""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import trader
from trader.core.errors import BadConfig
from trader.version import release_of


@cache
def environment() -> Mapping[str, str]:
    """Return what the numbers of this process depend on, our own code included."""
    import numpy as np  # noqa: PLC0415
    import xgboost  # noqa: PLC0415

    return {
        "trader": release_of(trader.__version__),
        "code": _code(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "machine": platform.machine(),
        "numpy": np.__version__,
        "xgboost": xgboost.__version__,
        "distributed": version("distributed"),
    }


def check_environment(expected: Mapping[str, str], found: Mapping[str, str], *, where: str) -> None:
    """Raise BadConfig that names what differs."""
    differs = [
        f"{name} {found.get(name, 'missing')} instead of {value}"
        for name, value in expected.items()
        if found.get(name) != value
    ]
    if differs:
        raise BadConfig(
            f"the Dask worker {where} has {', '.join(differs)}; start scheduler, workers and trader from the same image"
        )


def _code() -> str:
    """Return a digest of the modules that compute: a version number stays the same while one works on them."""
    root = Path(trader.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for part in ("core", "ml") for path in (root / part).rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
