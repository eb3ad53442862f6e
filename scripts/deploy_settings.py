"""What is deployed, and from what: infra/deploy.toml, infra/bot.yml, and what the foundation stack gives.

Of deploy.toml `region` and `name` are read here; everything else is a parameter of the bot's template under the same
name (`alarm_email` is `AlarmEmail`), so a new parameter needs no change of this code.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.deploy_aws import Aws, Declined, Refused
from scripts.deploy_stack import Stack, Wish, look_at

SHA = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}[a-z0-9]")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One deployment's settings; `values` is all of deploy.toml as text."""

    region: str
    name: str
    values: Mapping[str, str]
    template: str

    @property
    def foundation(self) -> str:
        """The name of the foundation stack."""
        return f"{self.name}-foundation"

    @property
    def bot(self) -> str:
        """The name of the bot's stack."""
        return f"{self.name}-bot"

    @property
    def unknown(self) -> list[str]:
        """What is set and is no parameter of the template."""
        return sorted(set(self._chosen) - parameters_of(self.template))

    @property
    def _chosen(self) -> dict[str, str]:
        return {_pascal(key): value for key, value in self.values.items() if key != "region"}

    def wish(self, *, commit: str, image: str, previous: str) -> Wish:
        """Return the bot's stack with this image."""
        declared = parameters_of(self.template)
        given = {**self._chosen, "Image": image, "Commit": commit}
        return Wish(
            template=self.template,
            parameters=given | ({"PreviousCommit": previous} if "PreviousCommit" in declared else {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What the foundation stack gives to a deployment."""

    repository: str
    uri: str
    role: str


def load(settings: Path, template: Path) -> Settings:
    """Read both files. Raises Refused, naming the setting, when one of them cannot be used."""
    try:
        values = {key: _text(key, value) for key, value in tomllib.loads(settings.read_text("utf-8")).items()}
        body = template.read_text("utf-8")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{settings} is not valid TOML: {error}") from error
    except OSError as error:
        raise Refused(
            f"{error.filename} cannot be read ({error.strerror}); run this from the repository's top"
        ) from error
    region, name = values.get("region", ""), values.get("name", "")
    if not _REGION.fullmatch(region):
        raise Refused(f"{settings}: region is {region!r}; write one like eu-central-1")
    if not _NAME.fullmatch(name):
        raise Refused(f"{settings}: name is {name!r}; write 2 to 21 lower-case letters, digits and dashes")
    read = Settings(region=region, name=name, values=values, template=body)
    if read.unknown:
        raise Refused(f"infra/deploy.toml sets what is no parameter of infra/bot.yml: {', '.join(read.unknown)}")
    return read


def parameters_of(template: str) -> set[str]:
    """Return the names of a template's parameters: the keys one level below `Parameters:` in block style YAML."""
    block = re.search(r"^Parameters:[^\n]*\n((?:[ #\n][^\n]*\n|\n)*)", template, flags=re.MULTILINE)
    return set(re.findall(r"^ {2}(\w+):", block.group(1), flags=re.MULTILINE)) if block else set()


def read_foundation(aws: Aws, settings: Settings) -> Foundation:
    """Return what the foundation gives. Raises Refused when it is not there or not whole."""
    stack = look_at(aws, settings.foundation)
    if stack is None:
        raise Refused(
            f"there is no stack {settings.foundation} in {settings.region}: create it first (infra/README.md), or"
            " correct name and region in infra/deploy.toml"
        )
    return Foundation(
        repository=stack.output("RepositoryName"),
        uri=stack.output("RepositoryUri"),
        role=stack.output("CloudFormationRoleArn"),
    )


def find_image(aws: Aws, foundation: Foundation, *, commit: str) -> str:
    """Return the image that was built from a commit, by digest. Raises Refused when there is none."""
    named = {"repositoryName": foundation.repository, "imageIds": [{"imageTag": commit}]}
    try:
        details = aws.call("ecr", "describe_images", **named)["imageDetails"]
    except Declined as error:
        if error.code == "ImageNotFoundException":
            raise Refused(
                f"{foundation.uri} has no image of commit {commit}: the pipeline builds and pushes it, tagged with the"
                " whole sha, before it deploys; old ones are removed. Choose a commit that has one, or run the"
                " pipeline for this one"
            ) from error
        raise
    return f"{foundation.uri}@{details[0]['imageDigest']}"


def check_commit(commit: str) -> str:
    """Return a commit as given. Raises Refused unless it is a whole one."""
    if not SHA.fullmatch(commit):
        raise Refused(f"{commit!r} is not a commit: write all 40 hexadecimal digits (git rev-parse HEAD)")
    return commit


def check_image(image: str) -> str:
    """Return an image as given. Raises Refused unless it is named by its digest."""
    if not _DIGEST.fullmatch(image):
        raise Refused(f"{image!r} is not an image by digest: write REPOSITORY@sha256:... (a tag can be moved)")
    return image


def previous_commit(stack: Stack | None, *, commit: str) -> str:
    """Return what to remember as the commit before this one: what is deployed now, unless it is the same."""
    if stack is None:
        return ""
    now = stack.parameters.get("Commit", "")
    return stack.parameters.get("PreviousCommit", "") if now == commit else now


def _text(key: str, value: object) -> str:
    if isinstance(value, list):
        return ",".join(_text(key, each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int) and "\n" not in str(value):
        return str(value)
    raise Refused(f"infra/deploy.toml: {key} has to be one line of text, a whole number or a list of such")


def _pascal(key: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[_-]", key))
