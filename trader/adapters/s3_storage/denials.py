"""Which permission is missing when S3 says 403, as exactly as it can be told."""

import re

# Within one account S3 names what is missing, also that a key which does not exist is denied for want of ListBucket.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
_NAMED = re.compile(r'not authorized to perform: ([a-z0-9-]+:\w+)(?: on resource: "?([^\s"]+)"?)?')
_DENIED_BY = re.compile(r"explicit deny in (?:an? |the )?([\w -]*policy)")

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_MISSING = {
    "GetObject": "s3:GetObject on it, or, if it does not exist, s3:ListBucket on the bucket",
    "PutObject": "s3:PutObject on it",
    "DeleteObject": "s3:DeleteObject on it",
    "ListObjectsV2": "s3:ListBucket on the bucket",
}


def advice_on_denial(operation: str, *, message: str) -> str:
    """Return what to allow: what S3 itself names, or else what the operation needs."""
    named, denied_by = _NAMED.search(message), _DENIED_BY.search(message)
    if named is None:
        return f"allow {_MISSING[operation]}; if the bucket is not yours, correct storage.url (or storage.aws_account)"
    missing = named[1] + (f" on {named[2]}" if named[2] else "")
    if denied_by is not None:
        return f"a statement of the {denied_by[1]} denies {missing}: change it, or reach the bucket as it demands"
    return f"allow {missing}"
