#!/bin/bash
# Cron for somebody who is not root: first a run, which fills an empty store, then the lines of a crontab at their times
# (UTC) until TERM. A `snooze` waits for each line. Jobs inherit environment and output. `snooze` reads some fields
# otherwise than cron does (`*/5` would be every minute): what both do not mean alike is translated or refused.
set -euf -o pipefail # f: a star is a star

libexec=$(dirname "$0")
here=${TRADER_RUN_DIR:-/tmp/trader}
crontab=${TRADER_CRON_JOB:-/opt/trader/cron-job}
grace=25 # seconds that what is under way gets to end by itself; ECS and compose.yml kill after 30
declare -a whens=() commands=()
declare -A sleepers=()

refuse() {
  echo "error: $crontab, line $1: $2" >&2
  exit 3
}

# Sets `reply` to a field as snooze wants it. Arguments: line number, name, field.
field() {
  local number='[0-9]{1,2}' range
  reply=$3
  [[ $3 != '*' ]] || return 0
  if [[ $2 =~ ^(minute|hour)$ && $3 =~ ^\*/($number)$ ]]; then
    reply=/${BASH_REMATCH[1]}
    [[ ! $reply =~ ^/0+$ ]] || refuse "$1" "$2 \`$3\`: every 0 is never"
    return 0
  fi
  [[ $3 =~ ^$number(-$number)?(,$number(-$number)?)*$ ]] || refuse "$1" \
    "$2 \`$3\` is not understood: numbers, ranges (1-5), lists (0,30), * and, for minute and hour, */5; no names"
  for range in ${3//,/ }; do
    [[ $range != *-* ]] || ((10#${range%-*} <= 10#${range#*-})) || refuse "$1" "$2 \`$3\`: a range has to go up"
  done
}

read_crontab() {
  local line number=0 minute hour day month weekday command when
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    [[ ! $line =~ ^[[:space:]]*@ ]] || refuse "$number" "words such as @hourly are not understood; write five fields"
    [[ ! $line =~ ^[[:space:]]*[A-Za-z_]+[[:space:]]*= ]] || refuse "$number" "set the container's environment instead"
    read -r minute hour day month weekday command <<<"$line"
    [[ $command == /* ]] || refuse "$number" "after five fields comes a command with its whole path, no user"
    [[ $command != *%* ]] || refuse "$number" "% ends a command in cron; call a script instead"
    [[ $day == '*' || $weekday == '*' ]] || refuse "$number" "day of month and weekday together: write two lines"
    field "$number" minute "$minute"; when="-M $reply"
    field "$number" hour "$hour"; when+=" -H $reply"
    field "$number" "day of month" "$day"; when+=" -d $reply"
    field "$number" month "$month"; when+=" -m $reply"
    field "$number" weekday "$weekday"; when+=" -w $reply"
    # shellcheck disable=SC2086 # words
    TZ=UTC snooze -n $when true >/dev/null || refuse "$number" "that is never; see above"
    whens+=("$when")
    commands+=("$command")
  done <"$crontab"
  [ "${#whens[@]}" -gt 0 ] || refuse "$number" "the file has no line that starts anything"
}

# Waits for the next time of a line, given by its index.
# shellcheck disable=SC2086 # words
await() {
  TZ=UTC snooze ${whens[$1]} true &
  sleepers[$!]=$1
}

end() {
  trap '' TERM INT
  local tenths=$((grace * 10))
  # shellcheck disable=SC2046 # numbers, one a word
  kill -TERM $(jobs -pr) 2>/dev/null || true
  while [ "$tenths" -gt 0 ] && [ -n "$(jobs -pr)" ]; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
  exit "$1"
}

# The run at the start. What a person has to look at ends the container; the market, the data or the hour does not.
catch_up() {
  local code=0
  "$libexec/run.sh" no-training &
  wait $! || code=$?
  case $code in
    0 | 4 | 75) ;;
    *) exit "$code" ;;
  esac
}

# Starts the jobs of all lines whose time has come.
tick() {
  local ended code index
  while :; do
    code=0
    wait -n -p ended || code=$?
    index=${sleepers[${ended:-none}]:-}
    [ -n "$index" ] || continue # a job; how it went is in its output
    unset "sleepers[$ended]"
    if [ "$code" -ne 0 ]; then
      echo "error: snooze, which waits for the next run, ended with $code; start the container again" >&2
      end 1
    fi
    bash -c "${commands[$index]}" &
    await "$index"
  done
}

if [ ! -r "$crontab" ]; then
  echo "error: cannot read $crontab, the crontab" >&2
  exit 3
fi
read_crontab
if ! { mkdir -p "$here" && echo $$ >"$here/cron.pid"; }; then
  echo "error: cannot write to $here; mount a tmpfs on /tmp (--tmpfs /tmp)" >&2
  exit 3
fi
trap 'rm -f "$here/cron.pid"' EXIT
trap 'end 143' TERM INT
catch_up
for index in "${!whens[@]}"; do await "$index"; done
echo "cron is up: ${#whens[@]} line(s) in $crontab"
tick
