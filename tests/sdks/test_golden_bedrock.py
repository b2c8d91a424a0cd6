"""botocore judges what is sent to Converse, and what the golden files say came back."""

import pytest
from botocore.validate import ParamValidator
from golden import golden
from shapes import converse, known


def wrong(body):
    """Return what botocore finds wrong with the parameters of a call."""
    return ParamValidator().validate({"modelId": "m", **body}, converse().input_shape).generate_report()


@pytest.mark.parametrize("case", golden("bedrock-converse", having="sent"))
def test_a_request_is_what_the_service_takes(case):
    assert not wrong(case.sent)
    known(converse().input_shape, {"modelId": "m", **case.sent})


@pytest.mark.parametrize("case", golden("bedrock-converse", having="came"))
def test_an_answer_is_what_the_service_gives(case):
    known(converse().output_shape, case.came)


def test_the_judge_has_teeth():
    body = {"messages": [{"role": "user", "content": [{"text": "Why?"}]}]}
    assert not wrong(body)
    assert "maxOutputTokens" in wrong(body | {"inferenceConfig": {"maxOutputTokens": 5}})
    assert "toolUseId" in wrong({"messages": [{"role": "assistant", "content": [{"toolUse": {"name": "f"}}]}]})
    with pytest.raises(AssertionError, match="one of"):
        known(converse().input_shape, {"modelId": "m", "serviceTier": {"type": "cheap"}})
