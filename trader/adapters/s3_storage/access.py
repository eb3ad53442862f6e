"""How S3 is reached: region, endpoint and credentials, found as the AWS tools find them.

Environment, profile, container and instance are boto3's business, and so is `AWS_ENDPOINT_URL_S3`.
"""

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.exceptions import BotoCoreError

from trader.core.errors import BadConfig

_CONNECT_SECONDS = 3.0
_CONNECTIONS = 16
# A server of one's own wants some region in the signature, no matter which.
_ANY_REGION = "us-east-1"
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A region and, where it is not Amazon's, the address of the server."""

    session: Any
    region: str
    endpoint: str | None

    @property
    def server(self) -> str:
        """The server's name for people, without what may be secret in its address."""
        if self.endpoint is None:
            return f"Amazon S3 in {self.region}"
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def connect(self, *, timeout_seconds: float) -> Any:
        """Return a client that gives up quickly. May ask a container's or instance's role for credentials.

        Its own retries are off; see `storage.py`. Checksums beyond what S3 demands are off, because not every server
        that speaks S3 knows them, and the signature covers the body anyway. With an endpoint of one's own, boto3 puts
        the bucket into the path (unless the profile says otherwise), so that an IP address will do.
        """
        config = Config(
            connect_timeout=min(_CONNECT_SECONDS, timeout_seconds),
            read_timeout=timeout_seconds,
            max_pool_connections=_CONNECTIONS,
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        try:
            return boto3.session.Session(botocore_session=self.session).client(
                "s3", region_name=self.region, endpoint_url=self.endpoint, config=config
            )
        except ValueError as error:  # botocore's way to refuse an address or a region
            raise BadConfig(
                f"{self.server}: {error}; correct AWS_REGION, AWS_ENDPOINT_URL_S3 or the profile"
            ) from error


def find_access() -> Access:
    """Return region and endpoint as they are set. Raises BadConfig for none, or a profile that cannot be read."""
    _check_keys()
    try:
        session = botocore.session.Session()
        endpoint = _configured_endpoint(session)
        # boto3 itself reads AWS_DEFAULT_REGION only; other AWS tools, and the containers of ECS, use AWS_REGION.
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    except BotoCoreError as error:
        raise BadConfig(f"the AWS settings cannot be used: {error}; correct AWS_PROFILE or ~/.aws/config") from error
    if not region and not endpoint:
        raise BadConfig(
            "storage.url is an S3 address, but no AWS region is set; set AWS_REGION to the bucket's region, for example"
            " eu-central-1"
        )
    return Access(session=session, region=region or _ANY_REGION, endpoint=endpoint)


def _check_keys() -> None:
    """Refuse with BadConfig keys that were copied with something around them: a request would fail of them, unsaid."""
    for name in _KEYS:
        if os.environ.get(name, "").strip(" \t\r\n\"'") != os.environ.get(name, ""):
            raise BadConfig(
                f"{name} has a blank, a line end or a quotation mark around it; set it again without (printf '%s'"
                " writes no line end, echo does)"
            )


def _configured_endpoint(session: Any) -> str | None:
    """Return the address that is set in place of Amazon's, None where there is none."""
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    provider = ConfiguredEndpointProvider(
        full_config=session.full_config, scoped_config=session.get_scoped_config(), client_name="s3"
    )
    found: str | None = provider.provide()
    return found
