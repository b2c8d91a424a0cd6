"""Fixtures that several rooms share."""

from hypothesis import settings

pytest_plugins = ["support.kafka_fixture"]
#: The providers' own clients have an environment of their own: `make sdks`.
collect_ignore = ["sdks"]

# How long an example takes says something of the machine, and nothing of the property.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
