"""Fixtures that several rooms share."""

from hypothesis import settings

pytest_plugins = ["support.kafka_fixture"]
#: The providers' own clients have an environment of their own: `make sdks`.
collect_ignore = ["sdks"]

# How long an example takes says something of the machine, and nothing of the property. What is tried is the same each
# time, so that a change is judged by what it changes; `--hypothesis-profile=explore` tries something else.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, derandomize=False)
settings.load_profile("repeatable")
