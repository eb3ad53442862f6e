#!/bin/sh
# What the container does: nothing or `cron`: a run now, then cron until TERM; `once`: one scheduled hour; `worker` and
# `scheduler`: Dask's; anything else is that trader command. Exit code 3 here: a person has to change how it is started.
set -eu

libexec=$(dirname "$0")
word=${1:-cron}

refuse() {
  echo "error: $2" >&2
  exit "$1"
}

if [ "$(id -u)" -eq 0 ]; then
  refuse 3 "this container never runs as root: leave --user away, or name a user to whom what it writes to belongs"
fi

case $word in
  cron | once)
    [ "$#" -le 1 ] || refuse 2 "\`$word\` takes no more words, not \`$2\`; settings come from the environment"
    ;;
esac
case $word in
  cron) exec "$libexec/cron.sh" ;;
  once) exec "$libexec/run.sh" ;;
  worker | scheduler)
    command -v dask >/dev/null || refuse 3 \
      "\`$word\` needs Dask, which this image has not: build it with --build-arg EXTRAS=dist, see docs/container.md"
    shift
    exec dask "$word" --no-dashboard "$@" # whoever reaches the dashboard needs no password
    ;;
esac
exec trader "$@"
