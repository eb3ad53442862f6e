#!/bin/sh
# One scheduled hour: the run, and then, in a process of its own, the training that it leaves due: one that is killed,
# or needs too much memory, takes no run with it. With `no-training` the run alone. Each has a lock, and what finds its
# own taken has nothing to do. The exit code is the run's, or the training's after a run that ended well.
set -eu

here=${TRADER_RUN_DIR:-/tmp/trader}
child=""

end() {
  trap '' TERM INT
  if [ -n "$child" ]; then
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" || true
  fi
  exit 143
}

# Does the work of a name, the first argument, unless it is under way. Its lock is held until the command has ended, also
# where this script is killed, or until the next lock is taken.
alone() {
  exec 9>"$here/$1.lock"
  if ! flock -n 9; then
    echo "the $1 before is still at work: nothing done" >&2
    exit 0
  fi
  shift
  "$@" &
  child=$!
  code=0
  wait "$child" || code=$?
  child=""
  [ "$code" -eq 0 ] || exit "$code"
}

# A file that says when, not how it went: a bot that is halted, or whose market is down, is healthy.
if ! { mkdir -p "$here" && touch "$here/attempted" "$here/run.lock" "$here/training.lock"; }; then
  echo "error: cannot write to $here; mount a tmpfs on /tmp (--tmpfs /tmp)" >&2
  exit 3
fi

trap end TERM INT
# What hangs is ended (exit code 124), so that the next hour finds its lock free and a scheduled task does not run for
# ever; `--foreground`, so that a TERM comes once.
alone run env TRADER__RETRAIN__TIMING=external timeout --foreground --kill-after=30 50m trader run --catch-up
[ "${1:-}" = no-training ] \
  || alone training timeout --foreground --kill-after=30 55m trader train --if-due --unless-external
