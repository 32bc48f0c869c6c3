"""What the server says no to."""

from laco.errors import WorldError


class RefusedError(WorldError):
    """A request that cannot be met; the client sees its text as a RuntimeError."""


class ActorGoneError(RefusedError):
    """There is no such actor (any more), in CARLA's words."""

    def __init__(self, method: str, id: object) -> None:
        reason = "Actor could not be found in the registry"
        super().__init__(f"Responding error from function {method}: {reason}.  Actor Id: {id}")


class WrongKindError(RefusedError):
    """The actor is not of the kind that the method is about, in CARLA's words."""

    def __init__(self, method: str, kind: str, id: object) -> None:
        super().__init__(f"Responding error from function {method}: Actor is not a {kind}.  Actor Id: {id}")
