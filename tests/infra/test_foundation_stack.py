"""The foundation as AWS would make it: by its stack where moto makes the resource, else by the call that AWS makes.

Not shown here, because moto keeps nothing of it: the OIDC provider, and which subnet goes by which route
table, what a security group lets out.
"""

import json
import warnings
from typing import Any

import pytest

from tests.infra.foundations import ROLES, foundation, role_names
from tests.infra.template import FOUNDATION

pytestmark = pytest.mark.slow


@pytest.fixture
def made(client) -> dict[str, str]:
    """The outputs of the stack."""
    cloudformation = client("cloudformation")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it only pretends to make
        cloudformation.create_stack(
            StackName="trader-foundation",
            TemplateBody=FOUNDATION.read_text(),
            Parameters=[{"ParameterKey": "GitHubRepository", "ParameterValue": "owner/name"}],
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = cloudformation.describe_stacks(StackName="trader-foundation")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def test_the_stack_has_a_network_with_a_way_out_and_none_in(made, client):
    ec2, here = client("ec2"), [{"Name": "vpc-id", "Values": [made["VpcId"]]}]
    subnets = {subnet["SubnetId"]: subnet for subnet in ec2.describe_subnets(Filters=here)["Subnets"]}
    assert set(subnets) == set(made["SubnetIds"].split(","))
    assert all(subnet["MapPublicIpOnLaunch"] for subnet in subnets.values())
    assert len({subnet["AvailabilityZone"] for subnet in subnets.values()}) == 2
    routes = [route for table in ec2.describe_route_tables(Filters=here)["RouteTables"] for route in table["Routes"]]
    assert [route["GatewayId"][:4] for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0"] == ["igw-"]
    (group,) = ec2.describe_security_groups(GroupIds=[made["SecurityGroupId"]])["SecurityGroups"]
    assert group["IpPermissions"] == []
    (endpoint,) = ec2.describe_vpc_endpoints(Filters=here)["VpcEndpoints"]
    assert (endpoint["ServiceName"], endpoint["VpcEndpointType"]) == ("com.amazonaws.eu-central-1.s3", "Gateway")
    assert not ec2.describe_nat_gateways(Filter=here)["NatGateways"]


def test_the_stack_has_a_repository_whose_tags_stay_and_an_instance_profile(made, client):
    (repository,) = client("ecr").describe_repositories(repositoryNames=[made["RepositoryName"]])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["repositoryUri"] == made["RepositoryUri"]
    (profile,) = client("iam").list_instance_profiles()["InstanceProfiles"]
    assert profile["Arn"] == made["InstanceProfileArn"]
    assert [role["RoleName"].split("-")[2] for role in profile["Roles"]] == ["InstanceRole"]


def test_every_role_is_made_and_its_policies_are_within_what_iam_takes(made, client):
    iam = client("iam")
    sizes = {}
    for role in iam.list_roles()["Roles"]:
        assert len(json.dumps(role["AssumeRolePolicyDocument"], separators=(",", ":"))) <= 2048
        names = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        documents = [
            iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"] for name in names
        ]
        sizes[role["RoleName"].split("-")[2]] = sum(len(json.dumps(each, separators=(",", ":"))) for each in documents)
    assert set(sizes) == role_names() == set(ROLES)
    assert max(sizes.values()) <= 10_240, sizes  # of all policies in a role together


def test_the_bucket_is_versioned_encrypted_private_and_forgets_in_time(client):
    s3, name = client("s3"), "the-bucket"
    wanted = foundation()["Bucket"]["Properties"]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    encryption = wanted["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=wanted["VersioningConfiguration"])
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": encryption}]},
    )
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=wanted["PublicAccessBlockConfiguration"])
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=wanted["OwnershipControls"])
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=as_call(wanted["LifecycleConfiguration"]))

    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert set(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()) == {True}
    (owner,) = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert owner["ObjectOwnership"] == "BucketOwnerEnforced"
    (kept,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert kept["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rule["Expiration"] == {"ExpiredObjectDeleteMarker": True}


def as_call(lifecycle: dict[str, Any]) -> dict[str, Any]:
    """The template's rules as S3's own call has them."""
    (rule,) = (dict(each) for each in lifecycle["Rules"])
    marker = {"ExpiredObjectDeleteMarker": rule.pop("ExpiredObjectDeleteMarker")}
    return {"Rules": [{"ID": rule.pop("Id"), "Filter": {"Prefix": ""}, "Expiration": marker, **rule}]}


def test_s3_takes_the_bucket_policy_and_secrets_manager_the_secret(client):
    resources = foundation()
    s3, name = client("s3"), "the-bucket"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(resources["BucketPolicy"]["Properties"]["PolicyDocument"]))
    kept = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    assert [statement["Sid"] for statement in kept["Statement"]] == ["NoPlainHttp", "NoOldTls"]
    secret = resources["Secret"]["Properties"]
    secrets = client("secretsmanager")
    secrets.create_secret(Name=secret["Name"], SecretString=secret["SecretString"])
    assert set(json.loads(secrets.get_secret_value(SecretId="trader/bot")["SecretString"]).values()) == {""}


def test_ecr_takes_the_repository_which_is_scanned_and_keeps_the_last_thirty(client):
    ecr, wanted = client("ecr"), foundation()["Repository"]["Properties"]
    scanning = {"scanOnPush": wanted["ImageScanningConfiguration"]["ScanOnPush"]}
    ecr.create_repository(repositoryName="trader", imageScanningConfiguration=scanning)
    ecr.put_lifecycle_policy(
        repositoryName="trader", lifecyclePolicyText=wanted["LifecyclePolicy"]["LifecyclePolicyText"]
    )
    (repository,) = ecr.describe_repositories(repositoryNames=["trader"])["repositories"]
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    (rule,) = json.loads(ecr.get_lifecycle_policy(repositoryName="trader")["lifecyclePolicyText"])["rules"]
    assert (rule["selection"]["countType"], rule["selection"]["countNumber"]) == ("imageCountMoreThan", 30)
