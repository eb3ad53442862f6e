"""Several real processes start the same run of the demo at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trader.adapters.local_storage import LocalStorage
from trader.adapters.simulated_exchange import KEY
from trader.simulator.account import decode

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_of_four_processes_that_start_the_same_run_one_trades_and_all_succeed(tmp_path):
    environment = {
        **os.environ,
        "TRADER__STORAGE__URL": str(tmp_path / "store"),
        "TRADER__TRAIN__LOOK_BACK_DAYS": "30",
        "TRADER__TRAIN__N_ESTIMATORS": "30",
        "TRADER__TRAIN__GAMMA": "0",
        "TRADER__DECISION__BAND": "0",
    }
    command = [sys.executable, str(ROOT / "main.py"), "run", "--json", "--at", "2026-01-01T01:00:05Z"]
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    answers = []
    for process in processes:
        printed, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        answers.append(json.loads(printed)["runs"][0])
    outcomes = sorted(answer["outcome"] for answer in answers)
    assert outcomes.count("done") == 1, outcomes
    assert set(outcomes) <= {"done", "already-done", "in-progress"}
    storage = LocalStorage(tmp_path / "store")
    assert len(decode(storage.get(KEY).data, source=KEY).orders) == 1
    assert len(storage.keys("journal/")) == 1
