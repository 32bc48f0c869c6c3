"""Every error of ours, in one tree: the command line turns a `LacoError` into one line and exit status 2."""


class LacoError(Exception):
    """Something a user can act on; its text is one clear line."""


class ConfigError(LacoError, ValueError):
    """An option has a value that cannot be used."""


class BackboneError(LacoError):
    """A model cannot be loaded, or is of a kind the method does not support."""


class WireError(LacoError):
    """A message cannot be used: damaged, of another version, or from another model. The text says which."""


class HandshakeError(LacoError):
    """A peer could not read what would be said to it, so nothing is said; the text says why."""


class BudgetError(LacoError):
    """No way to send a message fits its budget, so nothing is said; the text says what the smallest would be."""


class CacheError(LacoError):
    """A received cache must not be attended to: its shape, its numbers or its norms are wrong."""


class TransportError(LacoError):
    """A socket, a host or a peer did not answer in time; the text names the link."""


class WorldError(LacoError):
    """The CARLA server cannot be reached, has another version, or refused something."""


class ScenarioError(LacoError):
    """A scenario is unknown, or the world it found cannot hold it."""
