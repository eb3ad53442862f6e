#!/bin/sh
# What the container does: with words that trader command, once, as the user `trader`; without any, cron until TERM.
# shellcheck disable=SC2329 # the trap calls these functions
set -eu

grace=8 # seconds that runs under way get to hand their hour back; Docker kills everything after 10

# Prints the processes below one, whatever sessions they opened: cron puts each job into its own.
descendants() {
  # shellcheck disable=SC2013 # all on one line
  for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
    echo "$child"
    descendants "$child"
  done
}

any_left() {
  for each in "$@"; do
    if [ -d "/proc/$each" ]; then return 0; fi
  done
  return 1
}

# shellcheck disable=SC2086 # numbers, one a word
stop() {
  trap '' TERM INT
  under_way=$(descendants "$cron")
  kill -TERM "$cron" $under_way 2>/dev/null || true
  tenths=$((grace * 10))
  while [ "$tenths" -gt 0 ] && any_left $under_way; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
  exit 143
}

if [ "$#" -gt 0 ]; then
  if [ "$(id -u)" -eq 0 ]; then
    exec setpriv --reuid=trader --regid=trader --init-groups --no-new-privs trader "$@"
  fi
  exec trader "$@"
fi

if [ "$(id -u)" -ne 0 ]; then
  echo "error: cron has to be root inside the container; leave --user away, or give a command such as run" >&2
  exit 3
fi

# The environment may hold secrets: only the job's user may read it. `export -p` quotes whatever the values contain.
mkdir -p /run/trader
rm -f /run/trader/environment /run/trader/last-success
(umask 077 && export -p >/run/trader/environment)
touch /run/trader/last-success
chown trader:trader /run/trader/environment /run/trader/last-success

TZ=UTC cron -f 3>&1 4>&2 &
cron=$!
trap stop TERM INT
echo "cron is up: $(grep -c '^[0-9*]' /etc/cron.d/trader) line(s) in /etc/cron.d/trader"
wait "$cron" || true
echo "error: cron has ended by itself; look for a reason in the lines above, then start the container again" >&2
exit 1
