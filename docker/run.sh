#!/bin/sh
# One run, as cron starts it. Cron gives a job next to no environment; the entrypoint has kept the container's.
set -eu

# shellcheck source=/dev/null
. /run/trader/environment
trader run
touch /run/trader/last-success
