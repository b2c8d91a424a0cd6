"""botocore's model of bedrock-runtime as a judge of JSON: its client passes over what it does not know."""

import json
from functools import cache
from pathlib import Path

import botocore
from botocore.loaders import Loader
from botocore.model import ServiceModel


@cache
def converse():
    """Return Converse, as botocore's data describe it."""
    loader = Loader(extra_search_paths=[str(Path(botocore.__file__).parent / "data")])
    return ServiceModel(loader.load_service_model("bedrock-runtime", "service-2")).operation_model("Converse")


def known(shape, value):
    """Fail for a field that a shape does not have, for one that it needs and that is not there, and for odd words."""
    if shape.type_name == "structure" and not shape.is_document_type:
        assert isinstance(value, dict), f"{shape.name} is an object, not {json.dumps(value)}"
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        assert set(value) <= set(names), f"{shape.name} has no {sorted(set(value) - set(names))}"
        assert set(shape.required_members) <= set(value), f"{shape.name} needs {shape.required_members}"
        for name, each in value.items():
            known(names[name], each)
    elif shape.type_name == "list":
        for each in value:
            known(shape.member, each)
    elif shape.type_name == "string" and shape.enum:
        assert value in shape.enum, f"{shape.name} is one of {shape.enum}, not {value}"
