"""How many calls a deployment takes at the moment: learned by this worker, from answers and their headers."""


class Unbraked:
    """Lets every call begin: for tests, and for embedding without it."""

    def may_begin(self, deployment: str) -> bool:  # noqa: ARG002 - the port's name
        """Say yes."""
        return True

    def not_begun(self, deployment: str) -> None:
        """Take nothing back."""
