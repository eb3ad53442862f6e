"""Small stand-ins for infra/foundation.yml and infra/bot.yml: the same outputs and parameters, what moto can update.

moto gives a changed condition no chance, and an AMI parameter's value instead of its name; so the real template is
created once (test_real_template.py), and everything else happens with these.
"""

import json

from tests.deploy.cloud import ACCOUNT, BUCKET, REGION

_HEAD = """
Parameters:
  Name: {Type: String}
  # a comment between two of them
  Image: {Type: String}
  Commit:
    Type: String
  PreviousCommit: {Type: String, Default: ""}
  Way: {Type: String}
  Symbols:
    Type: String
    Default: BTCUSDT

  Interval: {Type: String}
Resources:
  Cluster: {Type: AWS::ECS::Cluster, Properties: {ClusterName: !Ref Name}}
  LogGroup: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub "/${Name}/bot"}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub "${Name}-alarms"}}
  TaskDefinition:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: !Ref Name
      NetworkMode: bridge
      ContainerDefinitions:
        - Name: bot
          Image: !Ref Image
          Memory: 1024
          Environment: [{Name: COMMIT, Value: !Ref Commit}]
          LogConfiguration: {LogDriver: awslogs, Options: {awslogs-stream-prefix: logs}}
"""
_SERVICE = """
  Service:
    Type: AWS::ECS::Service
    Properties: {ServiceName: !Ref Name, Cluster: !Ref Cluster, TaskDefinition: !Ref TaskDefinition, DesiredCount: 1}
"""
_OUTPUTS = """
Outputs:
  Way: {Value: !Ref Way}
  ClusterName: {Value: !Ref Cluster}
  TaskDefinitionArn: {Value: !Ref TaskDefinition}
  LogGroupName: {Value: !Ref LogGroup}
  TopicArn: {Value: !Ref Topic}
  StorageUrl: {Value: s3://BUCKET/bot}
  Symbols: {Value: !Ref Symbols}
  Interval: {Value: !Ref Interval}
  SubnetIds: {Value: "subnet-1,subnet-2"}
  SecurityGroupId: {Value: sg-1}
"""


def scheduled(*, remark: str = "") -> str:
    return f"# {remark}\n" + _HEAD + _OUTPUTS.replace("BUCKET", BUCKET)


def service() -> str:
    return _HEAD + _SERVICE + _OUTPUTS.replace("BUCKET", BUCKET) + "  ServiceName: {Value: !Ref Name}\n"


def settings_of(*, way: str = "Scheduled", symbols: str = '"BTCUSDT"', more: str = "") -> str:
    return f'region = "{REGION}"\nname = "trader"\nway = "{way}"\nsymbols = {symbols}\ninterval = "1h"\n{more}\n'


def foundation_body(**changes: str) -> str:
    given = {
        "BucketName": BUCKET,
        "Prefix": "bot",
        "RepositoryName": "trader",
        "RepositoryUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/trader",
        "SecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:trader/bot-abc",
        "SubnetIds": "subnet-1,subnet-2",
        "SecurityGroupId": "sg-1",
        "VpcId": "vpc-1",
        **{
            f"{role}Arn": f"arn:aws:iam::{ACCOUNT}:role/{role}"
            for role in ("CloudFormationRole", "DeployRole", "ExecutionRole", "SchedulerRole", "TaskRole")
        },
        "InstanceProfileArn": f"arn:aws:iam::{ACCOUNT}:instance-profile/i",
        **changes,
    }
    outputs = {key: {"Value": value, "Export": {"Name": f"trader-{key}"}} for key, value in given.items()}
    topic = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "unused"}}}
    return json.dumps({"Resources": topic, "Outputs": outputs})
