#!/bin/sh
# Installs the Debian packages that `make test`, `make test-image` and `make test-web` need on top of .venv. Where that
# is impossible it says so and succeeds all the same: the tests themselves decide whether they may be skipped.
set -eu

export PATH="$PATH:/usr/sbin"
missing=""
for command in snooze buildah podman debootstrap chromium; do
  command -v "$command" >/dev/null || missing="$missing $command"
done
# Docker's own packages bring a runc that conflicts with Debian's.
command -v runc >/dev/null || command -v crun >/dev/null || missing="$missing runc"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "$0: no apt-get here; install$missing some other way to test image and dashboard" >&2
  exit 0
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
  as_root="sudo -n"
  if ! sudo -n true 2>/dev/null; then
    echo "$0: installing$missing needs root; run it once with sudo to test image and dashboard" >&2
    exit 0
  fi
fi

echo "installing$missing"
$as_root apt-get -qq update || echo "$0: the list of packages could not be fetched; see above" >&2
for package in $missing; do # one by one: what one distribution lacks must not keep the others away
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$package" >/dev/null \
    || echo "$0: apt-get could not install $package; see above, then try again" >&2
done
