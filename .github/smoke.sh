#!/usr/bin/env bash
# Does an image work at all? One demo hour without network, rights or a writable root: `smoke.sh IMAGE [COMMIT]`.
# With a commit the image has to say that it was built from it. ENGINE is docker, or podman.
set -euo pipefail

image=${1:?the image to try}
commit=${2-}
engine=${ENGINE:-docker}
confined=(--rm --network none --read-only --tmpfs /tmp --volume /srv/trader --cap-drop ALL --security-opt no-new-privileges)

fail() {
  echo "smoke test of $image: $1" >&2
  exit 1
}

if [[ -n $commit ]]; then
  label=$("$engine" image inspect --format '{{index .Config.Labels "org.opencontainers.image.revision"}}' "$image")
  [[ $label == "$commit" ]] || fail "it says that it was built from '$label', not from $commit"
fi

user=$("$engine" run "${confined[@]}" --entrypoint id "$image" -u)
[[ $user =~ ^[0-9]+$ && $user -ne 0 ]] || fail "it runs as user '$user'"

version=$("$engine" run "${confined[@]}" "$image" --version)
answer=$("$engine" run "${confined[@]}" "$image" run --json) || fail "a run ended with exit code $?"
outcomes=$(python3 -c 'import json, sys; print(*(run["outcome"] for run in json.load(sys.stdin)["runs"]))' <<<"$answer")
[[ $outcomes == "done" ]] || fail "a run ended '$outcomes'"
echo "smoke test of $image: $version, user $user, a run is done"
