"""The tests' own reading of a template: the functions that the two templates use, by hand."""

import pytest

from tests.infra.template import holds, resolved, values_of

TEMPLATE = {
    "Parameters": {"Name": {"Type": "String"}, "Size": {"Type": "Number", "Default": 2}},
    "Conditions": {"IsBig": {"Fn::Equals": [{"Ref": "Size"}, 2]}, "IsSmall": {"Fn::Not": [{"Condition": "IsBig"}]}},
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
}
VALUES = values_of(TEMPLATE, {"Name": "a"}, imports={"a-Subnets": "x,y"}, references={"Topic": "arn:t", "Topic.N": "t"})


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"Ref": "Size"}, 2),
        ({"Ref": "AWS::Region"}, "eu-central-1"),
        ({"Ref": "Topic"}, "arn:t"),
        ({"Fn::GetAtt": ["Topic", "N"]}, "t"),
        ({"Fn::GetAtt": ["Topic", "M"]}, "<Topic.M>"),
        ({"Fn::Sub": "${Name}/${Topic.N}/${AWS::AccountId}"}, "a/t/123456789012"),
        ({"Fn::Sub": ["${Own}-${Name}", {"Own": {"Ref": "Size"}}]}, "2-a"),
        ({"Fn::Split": [",", {"Fn::ImportValue": {"Fn::Sub": "${Name}-Subnets"}}]}, ["x", "y"]),
        ({"Fn::Join": [":", [{"Ref": "Name"}, "k", "", ""]]}, "a:k::"),
        ({"Fn::If": ["IsSmall", 1, {"Ref": "Name"}]}, "a"),
        ({"kept": 1, "left": {"Ref": "AWS::NoValue"}}, {"kept": 1}),
        ([{"Ref": "AWS::NoValue"}, 3], [3]),
        ({"Fn::Base64": "hi"}, "aGk="),
    ],
)
def test_a_function_gives_what_cloudformation_says_it_gives(node, expected):
    assert resolved(node, VALUES) == expected


def test_a_rule_is_broken_by_a_value_of_its_list():
    rule = {"Fn::Not": [{"Fn::Contains": [["a", "b"], {"Ref": "Name"}]}]}

    assert holds(rule, VALUES) is False
    assert holds(rule, values_of(TEMPLATE, {"Name": "c"})) is True


def test_a_parameter_that_the_template_does_not_have_is_refused():
    with pytest.raises(AssertionError):
        values_of(TEMPLATE, {"Nmae": "a"})
