"""What the server says no to."""

from laco.errors import WorldError


class RefusedError(WorldError):
    """A request that cannot be met; the client sees its text as a RuntimeError."""
