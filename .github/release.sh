#!/usr/bin/env bash
# Makes what a release consists of, from a checkout of its tag: `release.sh TAG FOLDER` writes a source distribution, a
# wheel and notes.md (the CHANGELOG's section), or says why this is no release. Needs an environment with setuptools.
set -euo pipefail
cd "$(dirname "$0")/.."

tag=${1:?the tag, like v0.2.0}
folder=${2:?where to write}
version=${tag#v}

fail() {
  echo "$tag cannot be released: $1" >&2
  exit 1
}

[[ $tag =~ ^v[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "a release is called v1.2.3"
git merge-base --is-ancestor HEAD origin/main || fail "its commit is not on main"
says=$(python3 -c 'import trader; print(trader.__version__)')
[[ $says == "$version" ]] || fail "the checkout says that it is $says"

mkdir -p "$folder"
awk -v heading="## [$version]" 'index($0, "## [") == 1 {inside = index($0, heading) == 1; next} inside' CHANGELOG.md \
  | sed '/./,$!d' >"$folder/notes.md"
[[ -s $folder/notes.md ]] || fail "CHANGELOG.md has no section [$version], or nothing is in it"

python3 -c 'import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])' "$folder" >/dev/null
python3 -c 'import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])' "$folder" >/dev/null
for built in "hourly_trader-$version.tar.gz" "hourly_trader-$version-py3-none-any.whl"; do
  [[ -s $folder/$built ]] || fail "$built was not built, but: $(ls "$folder")"
done
ls -l "$folder"
