"""`laco.yaml`: the calibrated settings that ship with a driver."""

from pathlib import Path

import msgspec

from laco.agents.drivers.weights_file import shipped
from laco.config import LacoConfig
from laco.errors import ConfigError


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings measured to suit a driver: its caution in [0, 1], the codec, and the method's options."""

    caution: float
    codec: str
    laco: LacoConfig


def load(path: Path | None = None) -> Profile:
    """The shipped profile, or one from a file. Raises: ConfigError for a file that is none."""
    source = shipped() / "laco.yaml" if path is None else path
    try:
        return msgspec.yaml.decode(source.read_bytes(), type=Profile)
    except OSError as error:
        raise ConfigError(f"cannot read {source}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{source} is not a driver profile: {error}") from error
