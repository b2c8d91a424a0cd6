"""Fixtures that several rooms share."""

pytest_plugins = ["support.kafka_fixture"]
