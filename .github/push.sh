#!/usr/bin/env bash
# Puts the image of this checkout into ECR under its commit, unless it is there: tags are immutable, so the image of a
# commit is built once, however often its workflow runs. Prints image=REPOSITORY@DIGEST, which it has pulled.
# Needs AWS's credentials, AWS_REGION, NAME (the repository's) and ROLE (the ARN of the role, which names the account).
set -euo pipefail
cd "$(dirname "$0")/.."

commit=$(git rev-parse HEAD)
registry="$(cut -d: -f5 <<<"${ROLE:?}").dkr.ecr.${AWS_REGION:?}.amazonaws.com"
repository="$registry/${NAME:?}"

# The digest of the commit's image, or nothing; every answer but "there is none" is an error.
digest() {
  local answer
  if answer=$(aws ecr describe-images --repository-name "$NAME" --image-ids "imageTag=$commit" \
    --query 'imageDetails[0].imageDigest' --output text 2>&1); then
    echo "$answer"
  elif [[ $answer != *ImageNotFoundException* ]]; then
    echo "$answer" >&2
    return 1
  fi
}

aws ecr get-login-password | docker login --username AWS --password-stdin "$registry" >&2
found=$(digest)
if [[ -n $found ]]; then
  echo "the image of $commit is in $repository already" >&2
else
  .github/build.sh "$repository:$commit" >&2
  docker push --quiet "$repository:$commit" >&2
  found=$(digest)
fi
[[ $found =~ ^sha256:[0-9a-f]{64}$ ]] || { echo "$repository has no digest for $commit but '$found'" >&2; exit 1; }
docker pull --quiet "$repository@$found" >&2
echo "image=$repository@$found"
