"""Is the local testnet well? It is when it answers; and where the laptop has slept, its clock is moved on.

The testnet's clock ticks with the machine, and so stands still while the machine sleeps; cron goes by the time of day.
"""

import json
import sys
import time
import urllib.request
from datetime import UTC, datetime

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8081"
_TOLERATED_SECONDS = 2.0

with urllib.request.urlopen(f"{URL}/api/v3/time", timeout=5) as answer:  # noqa: S310 - the line above says where
    behind = time.time() - json.load(answer)["serverTime"] / 1000  # noqa: TID251 - the machine's clock is the point
if behind > _TOLERATED_SECONDS:
    move = json.dumps({"now": datetime.now(UTC).isoformat()}).encode()  # noqa: TID251
    urllib.request.urlopen(f"{URL}/_control/clock", data=move, timeout=5).close()  # noqa: S310
