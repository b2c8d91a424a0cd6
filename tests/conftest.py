"""Fixtures that several rooms share."""

pytest_plugins = ["support.kafka_fixture"]
#: The providers' own clients have an environment of their own: `make sdks`.
collect_ignore = ["sdks"]
