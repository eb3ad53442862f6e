#!/bin/sh
# Healthy: cron lives and a run was attempted in the last two hours, whatever became of it. A container without cron
# (one command, one scheduled hour) is always healthy.
set -eu

here=${TRADER_RUN_DIR:-/tmp/trader}
[ -e "$here/cron.pid" ] || exit 0
if ! kill -0 "$(cat "$here/cron.pid")" 2>/dev/null; then
  echo "cron is dead"
  exit 1
fi
if [ -z "$(find "$here/attempted" -mmin -120)" ]; then
  echo "no run was attempted in the last two hours"
  exit 1
fi
