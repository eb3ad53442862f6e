"""What S3's and botocore's errors mean: a lost write, what may pass by itself, and what a person has to change."""

import re
from http import HTTPStatus
from typing import Any

from botocore import exceptions as vendor
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from trader.adapters.s3_storage.denials import advice_on_denial
from trader.core.errors import BadConfig, Retryable

FAULTS = (vendor.BotoCoreError, vendor.ClientError, ResponseParserError, HTTPError)

# The request never left: what another lost answer leaves open, these do not.
_UNSENT = (vendor.EndpointConnectionError, vendor.ConnectTimeoutError, vendor.ProxyConnectionError)
_NO_ANSWER = (
    vendor.ConnectionError,
    vendor.HTTPClientError,
    vendor.IncompleteReadError,
    ResponseParserError,
    HTTPError,
)
_OPERATIONS = ("GetObject", "PutObject", "DeleteObject", "ListObjectsV2")

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_CONFLICTS = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
_PASSING = ("RequestTimeout", "SlowDown", "OperationAborted", "Throttling", "ThrottlingException")
_PASSING_STATUSES = (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_ELSEWHERE = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301")
_KEY_ADVICE = (
    "the access key is not accepted; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the"
    " profile in AWS_PROFILE"
)
_EXPIRED_ADVICE = "the session token has expired; log in again, or renew AWS_SESSION_TOKEN"
_ADVICE = {
    "NoSuchBucket": "the bucket does not exist; create it, or correct storage.url",
    "InvalidAccessKeyId": _KEY_ADVICE,
    "SignatureDoesNotMatch": _KEY_ADVICE,
    "InvalidToken": _KEY_ADVICE,
    "ExpiredToken": _EXPIRED_ADVICE,
    "TokenRefreshRequired": _EXPIRED_ADVICE,
    "RequestTimeTooSkewed": "this machine's clock is more than 15 minutes off; set it, for example by NTP",
    "NotImplemented": "the server has no conditional writes, without which two bots would overwrite each other; use"
    " one that has them",
}
# A container without a role is told so by the address that should hand out its credentials.
_NO_ROLE = re.compile(r"non 200 response \(?4\d\d")


def code_of(error: Exception) -> str:
    """Return S3's error code, "" for an error that is no answer."""
    return str(_answer(error).get("Error", {}).get("Code", ""))


def is_conflict(error: Exception) -> bool:
    """Tell whether a conditional write lost. If-Match on an object that is gone is NoSuchKey."""
    return _status(error) == HTTPStatus.PRECONDITION_FAILED or code_of(error) in _CONFLICTS


def is_unknown(error: Exception) -> bool:
    """Tell whether a write may have happened all the same: a refusal below 500 and what was never sent did not."""
    status = _status(error)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or not (status or isinstance(error, _UNSENT))


def translated(error: Exception, *, at: str, server: str) -> BadConfig | Retryable:
    """Turn an error into ours; `at` names the object, `server` who was asked."""
    if isinstance(error, vendor.ClientError):
        return _refusal(error, at=at, server=server)
    if isinstance(error, vendor.NoCredentialsError | vendor.PartialCredentialsError):
        return BadConfig(
            f"{at}: no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or"
            " give the container or instance a role"
        )
    if isinstance(error, vendor.CredentialRetrievalError | vendor.MetadataRetrievalError):
        return _no_role(error, at=at)
    if isinstance(error, vendor.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return BadConfig(f"{at}: the certificate of {server} is not trusted; set AWS_CA_BUNDLE or correct the endpoint")
    if isinstance(error, _NO_ANSWER):
        return Retryable(
            f"{at}: {server} gave no answer ({type(error).__name__}); if this lasts, check AWS_REGION,"
            " AWS_ENDPOINT_URL_S3 and the network"
        )
    return BadConfig(f"{at}: {_said(error)}; correct the AWS settings")


def _no_role(error: Exception, *, at: str) -> BadConfig | Retryable:
    """Return our error for a role whose credentials were not handed out."""
    if _NO_ROLE.search(str(error)):
        return BadConfig(f"{at}: no credentials ({_said(error)}); give the task or instance a role that exists")
    return Retryable(f"{at}: the source of the AWS credentials failed ({_said(error)}); try later, or check it")


def _refusal(error: Any, *, at: str, server: str) -> BadConfig | Retryable:
    """Return our error for an answer with an error code."""
    code, status, said = code_of(error), _status(error), _said(error)
    if (
        code in _PASSING
        or status in _PASSING_STATUSES
        or (status >= HTTPStatus.INTERNAL_SERVER_ERROR and code not in _ADVICE)
    ):
        return Retryable(f"{at}: {server} cannot serve this now ({said}); try later")
    if error.operation_name not in _OPERATIONS:
        return BadConfig(f"{at}: no credentials ({said}); check the role or AWS_PROFILE")
    if code in _ADVICE:
        return BadConfig(f"{at}: {_ADVICE[code]} ({code})")
    if code in _ELSEWHERE:
        region = error.response["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region", "another region")
        return BadConfig(f"{at}: the bucket is in {region}, but {server} was asked; correct AWS_REGION ({code})")
    if status == HTTPStatus.FORBIDDEN:
        advice = advice_on_denial(error.operation_name, message=_answer(error).get("Error", {}).get("Message", ""))
        return BadConfig(f"{at}: access is denied; {advice} ({said})")
    return BadConfig(f"{at}: {server} refused the request ({said}); correct the settings of the bucket or of AWS")


def _answer(error: Exception) -> dict[str, Any]:
    """Return what was answered, nothing for an error that is no answer."""
    answer: dict[str, Any] = error.response if isinstance(error, vendor.ClientError) else {}
    return answer


def _status(error: Exception) -> int:
    return int(_answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _said(error: Exception) -> str:
    """Return the vendor's own words, as far as they fit into a line."""
    words = str(error)
    if isinstance(error, vendor.ClientError):
        words = f"{error.operation_name}: {code_of(error)}, {_answer(error).get('Error', {}).get('Message', '')}"
    return words.strip(" ,\n").partition("\n")[0][:300]
