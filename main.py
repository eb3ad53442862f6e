"""`python main.py` is one run of the bot (`trader run`); `pytest main.py` is the smoke test of an installation."""

import json
import os
import subprocess
import sys
from pathlib import Path

from trader.cli import main

ROOT = Path(__file__).parent


def test_main(tmp_path: Path) -> None:
    """One whole run on small synthetic data, in a temporary folder: it trains, decides, trades and is not repeated."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADER")}
    environment |= {
        "TRADER__STORAGE__URL": str(tmp_path / "store"),
        "TRADER__TRAIN__LOOK_BACK_DAYS": "30",
        "TRADER__TRAIN__N_ESTIMATORS": "30",
        "TRADER__DECISION__BAND": "0",
    }
    command = [sys.executable, str(ROOT / "main.py"), "run", "--json", "--at", "2026-01-01T01:00:05Z"]

    def once() -> dict[str, object]:
        done = subprocess.run(  # noqa: S603 - our own program
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        (answer,) = json.loads(done.stdout)["runs"]
        return dict(answer)

    first = once()
    assert first["outcome"] == "done"
    assert first["kline"] == "2026-01-01T00:00:00+00:00"
    assert 0 < float(str(first["p_up"])) < 1
    decision, orders = first["decision"], first["orders"]
    assert isinstance(decision, dict)
    assert isinstance(orders, list)
    assert decision["target"] in (-1.0, 1.0)
    assert [order["executed"] for order in orders] == [order["quantity"] for order in orders]
    assert first["position"] != "0"
    assert (tmp_path / "store/journal/DEMOUSDT/1h/2026/01/01T0000.json").is_file()
    assert (tmp_path / "store/dashboard/index.html").is_file()

    again = once()
    assert again["outcome"] == "already-done"
    assert again["orders"] == orders


if __name__ == "__main__":
    sys.exit(main())
