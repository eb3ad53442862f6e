"""An AWS account on moto, in this process, which the S3 servers of other tests may share: their buckets stay."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

SERVICES = (
    *("autoscaling", "cloudformation", "cloudwatch", "ec2", "ecr", "ecs", "events", "iam", "logs", "scheduler"),
    *("secretsmanager", "sns", "ssm"),
)
"""All that these tests use but S3."""


@pytest.fixture
def client(monkeypatch) -> Iterator[Callable[[str], Any]]:
    """Makes boto3 clients of an empty account in the region of infra/deploy.toml."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    mocked, buckets = mock_aws(), get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].buckets
    others = set(buckets)
    mocked.start(reset=False)  # a reset would empty every moto in this process
    try:
        yield boto3.client
    finally:
        mocked.stop()
        for service in SERVICES:
            get_backend(service).reset()
        for name in set(buckets) - others:
            del buckets[name]
