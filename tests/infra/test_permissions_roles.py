"""What the roles beside the task's may do: the documented needs of what they do, on the names of this bot only.

Not shown here, because only AWS can: that CloudFormation, ECS and EventBridge Scheduler need no more than they say.
"""

import pytest

from scripts.deploy_aws import ACTIONS
from tests.infra.documented import has_resource, is_action, needed_for
from tests.infra.foundations import ACCOUNT, REFERENCES, ROLES, arn, policies, role_names
from tests.infra.iam import each_of, is_allowed, matches, statements
from tests.infra.stacks import WAYS, bot
from tests.infra.template import BOT, load

CLUSTER = arn("ecs", "cluster/trader")
REVISION = arn("ecs", "task-definition/trader:7")
LOG = arn("logs", "log-group:/trader/bot:log-stream:bot/bot/1")
ROLE = {name: REFERENCES[f"{name}.Arn"] for name in ROLES}

DESCRIBED = {
    "autoscaling:Describe*": "autoscaling:DescribeAutoScalingGroups autoscaling:DescribeInstanceRefreshes"
    " autoscaling:DescribeLifecycleHooks autoscaling:DescribeNotificationConfigurations"
    " autoscaling:DescribeScalingActivities autoscaling:DescribeTags autoscaling:DescribeTrafficSources",
    "ec2:Describe*": "ec2:DescribeImages ec2:DescribeInstanceTypes ec2:DescribeInstances ec2:DescribeLaunchTemplates"
    " ec2:DescribeLaunchTemplateVersions ec2:DescribeSecurityGroups ec2:DescribeSubnets",
    "ssm:Get*": "ssm:GetParameters",
}
"""What stands for the wildcards of AWS's own lists: what a group of one instance and its template have."""

FOR_OTHER_PROPERTIES = (
    *("kms:*", "ecs:PutAccountSetting*", "ecs:PutClusterCapacityProviders"),
    *("logs:CreateLogDelivery", "logs:Put*Polic*", "logs:PutBearer*", "logs:Put*Protection", "logs:*KmsKey"),
    *("logs:Delete*Policy", "s3:REST*", "firehose:*", "sns:PutDataProtectionPolicy"),
    *("managed-fleets:*", "vpc-lattice:*", "elasticloadbalancing:*", "ec2:Get*"),
    *("autoscaling:*abl*MetricsCollection", "autoscaling:*NotificationConfiguration", "autoscaling:*tach*"),
    *("autoscaling:*LifecycleHook", "autoscaling:*InstanceRefresh"),
)
"""What those types need for properties that the bot's stack does not use."""

USED_ALL_THE_SAME = {"logs:PutRetentionPolicy", "logs:DeleteRetentionPolicy"}

NOT_IN_THE_LISTS = {
    "ec2:DescribeLaunchTemplateVersions",
    "autoscaling:TerminateInstanceInAutoScalingGroup",  # the group's UpdatePolicy
}

PUSH_AND_PULL = {
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
}
"""https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html, and the pull of what was pushed."""


def actions_of(role: str) -> set[str]:
    return {action for statement in statements(policies(role)) for action in each_of(statement["Action"])}


@pytest.mark.parametrize("role", ROLES)
def test_every_action_exists_is_named_in_full_and_is_limited_where_it_can_be(role):
    for statement in statements(policies(role)):
        assert statement["Effect"] == "Allow"
        for action in each_of(statement["Action"]):
            assert is_action(action), action
            limited = "*" not in each_of(statement["Resource"]) or "Condition" in statement
            assert limited or not has_resource(action), action


@pytest.mark.parametrize("role", ROLES)
def test_every_resource_but_the_needless_is_of_this_account_or_of_amazon_itself(role):
    for statement in statements(policies(role)):
        for resource in each_of(statement["Resource"]):
            assert resource == "*" or "<" not in resource, f"{resource} was not put in"
            service = resource.split(":")[2] if resource != "*" else ""
            assert resource == "*" or service == "s3" or resource.split(":")[4] in (ACCOUNT, ""), resource


def test_cloudformation_may_call_what_the_types_of_the_bots_stack_document_and_no_more():
    needed: set[str] = set()
    for resource in load(BOT)["Resources"].values():
        for action in needed_for(resource["Type"]):
            needed |= set(DESCRIBED.get(action, action).split())
    unused = {one for one in needed - USED_ALL_THE_SAME if any(matches(each, one) for each in FOR_OTHER_PROPERTIES)}
    assert actions_of("CloudFormationRole") == needed - unused | NOT_IN_THE_LISTS


NAMES = {
    "AWS::ECS::Cluster": ("ecs:CreateCluster", CLUSTER, "ClusterName"),
    "AWS::ECS::Service": ("ecs:CreateService", arn("ecs", "service/trader/{}"), "ServiceName"),
    "AWS::ECS::TaskDefinition": ("ecs:RegisterTaskDefinition", arn("ecs", "task-definition/{}:1"), "Family"),
    "AWS::Logs::LogGroup": ("logs:CreateLogGroup", arn("logs", "log-group:{}"), "LogGroupName"),
    "AWS::SNS::Topic": ("sns:CreateTopic", arn("sns", "{}"), "TopicName"),
    "AWS::CloudWatch::Alarm": ("cloudwatch:PutMetricAlarm", arn("cloudwatch", "alarm:{}"), "AlarmName"),
    "AWS::Events::Rule": ("events:PutRule", arn("events", "rule/{}"), "Name"),
    "AWS::Scheduler::Schedule": ("scheduler:CreateSchedule", arn("scheduler", "schedule/default/{}"), "Name"),
    "AWS::AutoScaling::AutoScalingGroup": (
        "autoscaling:CreateAutoScalingGroup",
        arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/{}"),
        "AutoScalingGroupName",
    ),
}
"""How each type is named, and what its name is to IAM."""


@pytest.mark.parametrize("way", WAYS)
def test_cloudformation_may_make_whatever_has_a_name_in_the_bots_stack_and_nothing_of_another_name(way):
    documents, named = policies("CloudFormationRole"), 0
    for resource in bot(way).values():
        if resource["Type"] in NAMES:
            action, place, key = NAMES[resource["Type"]]
            name, named = resource["Properties"][key], named + 1
            assert is_allowed(documents, action, place.format(name)), (action, name)
            assert not is_allowed(documents, action, place.format(name).replace("trader", "another"))
    assert named >= 9


@pytest.mark.parametrize(
    ("role", "service", "passed"),
    [
        ("CloudFormationRole", "ecs-tasks.amazonaws.com", {"TaskRole", "ExecutionRole"}),
        ("CloudFormationRole", "scheduler.amazonaws.com", {"SchedulerRole"}),
        ("CloudFormationRole", "ec2.amazonaws.com", {"InstanceRole"}),
        ("SchedulerRole", "ecs-tasks.amazonaws.com", {"TaskRole", "ExecutionRole"}),
        ("DeployRole", "cloudformation.amazonaws.com", {"CloudFormationRole"}),
        ("DeployRole", "ecs-tasks.amazonaws.com", {"TaskRole", "ExecutionRole"}),
        ("DeployRole", "ec2.amazonaws.com", set()),
        ("TaskRole", "ecs-tasks.amazonaws.com", set()),
        ("ExecutionRole", "ecs-tasks.amazonaws.com", set()),
        ("InstanceRole", "ecs-tasks.amazonaws.com", set()),
    ],
)
def test_a_role_is_passed_to_the_one_service_that_it_is_for(role, service, passed):
    documents = policies(role)
    found = {name for name in ROLES if is_allowed(documents, "iam:PassRole", ROLE[name], iam_PassedToService=service)}
    assert found == passed


def test_the_page_on_permissions_has_every_role():
    page = (BOT.parent / "PERMISSIONS.md").read_text()
    assert {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")} >= role_names()


def test_no_role_makes_or_changes_roles_policies_or_users():
    for role in ROLES:
        about_iam = {action for action in actions_of(role) if action.startswith(("iam:", "sts:"))}
        assert about_iam <= {"iam:PassRole", "iam:GetRole", "iam:CreateServiceLinkedRole"}, role


def test_who_deploys_may_call_what_the_script_and_a_push_call_and_no_more():
    beside = {"iam:PassRole", "ssm:GetParameters"}
    assert actions_of("DeployRole") == set(ACTIONS.values()) | PUSH_AND_PULL | beside


def test_who_deploys_may_change_the_bots_stack_with_its_own_role_only():
    documents, mine = policies("DeployRole"), arn("cloudformation", "stack/trader-bot/1")
    for action in ("cloudformation:CreateStack", "cloudformation:UpdateStack"):
        assert is_allowed(documents, action, mine, cloudformation_RoleArn=ROLE["CloudFormationRole"])
        assert not is_allowed(documents, action, mine, cloudformation_RoleArn=ROLE["TaskRole"])
        assert not is_allowed(documents, action, mine)
        foundation = arn("cloudformation", "stack/trader-foundation/1")
        assert not is_allowed(documents, action, foundation, cloudformation_RoleArn=ROLE["CloudFormationRole"])
    assert is_allowed(documents, "cloudformation:DescribeStacks", arn("cloudformation", "stack/trader-foundation/1"))
    assert not is_allowed(documents, "cloudformation:DescribeStacks", arn("cloudformation", "stack/another-bot/1"))


def test_who_deploys_reads_the_journal_and_nothing_else_of_the_store():
    documents, bucket = policies("DeployRole"), REFERENCES["Bucket.Arn"]
    assert is_allowed(documents, "s3:GetObject", f"{bucket}/bot/journal/BTCUSDT/1h/2026/11/20T1600.json")
    assert not is_allowed(documents, "s3:GetObject", f"{bucket}/bot/models/BTCUSDT/1h/champion.json")
    assert is_allowed(documents, "s3:ListBucket", bucket, s3_prefix="bot/journal/BTCUSDT/1h/2026/11/")
    assert not is_allowed(documents, "s3:ListBucket", bucket, s3_prefix="bot/")
    assert not {"s3:PutObject", "s3:DeleteObject"} & actions_of("DeployRole")


@pytest.mark.parametrize("role", ["SchedulerRole", "DeployRole"])
def test_tasks_are_started_of_this_family_in_this_cluster(role):
    documents, another = policies(role), arn("ecs", "cluster/another")
    assert is_allowed(documents, "ecs:RunTask", REVISION, ecs_cluster=CLUSTER)
    assert not is_allowed(documents, "ecs:RunTask", REVISION, ecs_cluster=another)
    assert not is_allowed(documents, "ecs:RunTask", REVISION)
    assert not is_allowed(documents, "ecs:RunTask", REVISION.replace("trader", "trader2"), ecs_cluster=CLUSTER)


def test_the_scheduler_starts_tasks_and_does_nothing_else():
    assert actions_of("SchedulerRole") == {"ecs:RunTask", "iam:PassRole"}


def test_ecs_starts_the_bot_with_its_image_its_log_and_its_one_secret():
    documents = policies("ExecutionRole")
    repository, secret = REFERENCES["Repository.Arn"], REFERENCES["Secret"]
    wanted = {
        "ecr:GetAuthorizationToken": "*",
        "ecr:BatchCheckLayerAvailability": repository,
        "ecr:BatchGetImage": repository,
        "ecr:GetDownloadUrlForLayer": repository,
        "logs:CreateLogStream": LOG,
        "logs:PutLogEvents": LOG,
        "secretsmanager:GetSecretValue": secret,
    }
    assert actions_of("ExecutionRole") == set(wanted)
    for action, resource in wanted.items():
        assert is_allowed(documents, action, resource)
        assert action.endswith("Token") or not is_allowed(documents, action, resource.replace("trader", "another"))


def test_an_instance_joins_this_cluster_and_reads_no_secret_and_no_store():
    documents = policies("InstanceRole")
    assert {action.partition(":")[0] for action in actions_of("InstanceRole")} == {"ecs"}
    assert is_allowed(documents, "ecs:RegisterContainerInstance", CLUSTER)
    assert not is_allowed(documents, "ecs:RegisterContainerInstance", arn("ecs", "cluster/another"))
    assert is_allowed(documents, "ecs:Poll", arn("ecs", "container-instance/trader/1"))
    assert not is_allowed(documents, "ecs:Poll", arn("ecs", "container-instance/another/1"))
