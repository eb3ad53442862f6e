#!/usr/bin/env bash
# Builds the image of this checkout and says in it what it is: `build.sh NAME:TAG`.
set -euo pipefail
cd "$(dirname "$0")/.."

# One manifest, not an index beside an attestation: ECR's lifecycle would count each of the three as a build.
export BUILDX_NO_DEFAULT_ATTESTATIONS=1

version=$(python3 -c 'import trader; print(trader.__version__)')
commit=$(git rev-parse HEAD)
created=$(git show --no-patch --format=%cI HEAD)
docker build --build-arg VERSION="$version" --build-arg REVISION="$commit" --build-arg CREATED="$created" \
  --build-arg SOURCE="${GITHUB_REPOSITORY:+$GITHUB_SERVER_URL/$GITHUB_REPOSITORY}" \
  --tag "${1:?the name and tag of the image}" .
