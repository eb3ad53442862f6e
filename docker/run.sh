#!/bin/sh
# One run, as cron starts it, and the training that it leaves due in a process of its own: one that is killed, or needs
# too much memory, takes nothing with it. Cron gives a job next to no environment; the entrypoint has kept the container's.
set -eu

# shellcheck source=/dev/null
. /run/trader/environment
TRADER__RETRAIN__TIMING=external trader run
touch /run/trader/last-success
trader train --if-due --unless-external
