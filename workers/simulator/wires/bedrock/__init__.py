"""Bedrock's Converse.

Source: botocore 1.44.8, bedrock-runtime service-2.json, whose client reads what is written here. Converse tells no
tokens of thought, so that the books have none either.
"""

from typing import Final

from ..wire import Operation, Wire, identified_by
from .converse import answer_converse
from .errors import refuse

WIRE: Final = Wire(refuse, identified_by("x-amzn-requestid"))
OPERATIONS: Final = (Operation("/model/{model}/converse", WIRE, answer_converse),)
