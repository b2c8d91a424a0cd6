"""What can go wrong, said so that the reader knows what to do next."""


class Trouble(Exception):  # noqa: N818 - it is shown to people as it is, not as an error class
    """Apache Kafka cannot be had or started; the text says what was expected, what came, and what to do."""
