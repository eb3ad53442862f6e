"""A cloud with a foundation, images of three commits, and the bot's stack of the first one."""

import json
from collections.abc import Iterator

import boto3
import pytest

from scripts import deploy
from scripts.deploy_aws import Clock
from tests.deploy.cloud import BUCKET, REGION, Cloud
from tests.deploy.played import HOUR, NEW, OLD, OTHER, START, Played, record
from tests.deploy.templates import foundation_body, scheduled, settings_of
from tests.s3_server import clean_aws

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(scope="session")
def running_cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    yield cloud
    cloud.close()


@pytest.fixture
def cloud(running_cloud, monkeypatch) -> Iterator[Cloud]:
    """An account as infra/foundation.yml leaves it; tasks do nothing by themselves."""
    from moto.moto_api import state_manager  # noqa: PLC0415 - a second that only these tests wait for

    clean_aws(monkeypatch)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", running_cloud.session)
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in running_cloud.environment.items():
        monkeypatch.setenv(name, value)
    running_cloud.reset()
    running_cloud.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    running_cloud.client("cloudformation").create_stack(StackName="trader-foundation", TemplateBody=foundation_body())
    ecr = running_cloud.client("ecr")
    ecr.create_repository(repositoryName="trader")
    for commit in (OLD, NEW, OTHER):
        manifest = json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, "config": {"digest": commit}})
        ecr.put_image(repositoryName="trader", imageManifest=manifest, imageTag=commit)
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 1_000_000})
    yield running_cloud
    state_manager.unset_transition("ecs::task")


@pytest.fixture
def played(cloud) -> Played:
    return Played(cloud)


class Desk:
    """A checkout of the repository whose deployments are run here, in the played time."""

    def __init__(self, folder, played, capsys) -> None:
        self.folder, self.played, self._capsys = folder, played, capsys
        self.template, self.settings = folder / "bot.yml", folder / "deploy.toml"
        self.template.write_text(scheduled())
        self.settings.write_text(settings_of())
        self.outcome: dict = {}

    def __call__(self, *words: str) -> int:
        """Run a command with --json, keep what it says, return its exit code."""
        clock = Clock(now=self.played.now, sleep=self.played.sleep, said=self.played.lines.append)
        files = ["--settings", str(self.settings), "--template", str(self.template)]
        code = deploy.main([*files, *words, "--json"], clock=clock)
        out = self._capsys.readouterr().out
        self.outcome = json.loads(out)
        assert self.outcome["exit_code"] == code
        return code

    def create(self, commit: str) -> None:
        """Have the bot's stack of a commit there already."""
        settings = deploy.load(self.settings, self.template)
        wish = settings.wish(commit=commit, image=f"uri@sha256:{'0' * 64}", previous="")
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in wish.parameters.items()]
        formation = self.played.cloud.client("cloudformation")
        formation.create_stack(StackName="trader-bot", TemplateBody=wish.template, Parameters=given)

    @property
    def said(self) -> str:
        return "\n".join(self.played.lines)


@pytest.fixture
def desk(tmp_path, played, capsys) -> Desk:
    return Desk(tmp_path, played, capsys)


@pytest.fixture
def deployed(desk, played) -> Desk:
    """The desk after a good deployment of the old commit, whose newest run is in the journal."""
    desk.create(OLD)
    open_time = START.replace(minute=0) - HOUR
    data = record(commit=OLD, open_time=open_time, completed_at=open_time + HOUR)
    played.put(data, open_time=open_time)
    return desk
