"""The one list of radios. docs/radio.md says where each number comes from and which are assumptions."""

from difflib import get_close_matches

from msgspec.structs import replace

from laco.comm.radio.spec import RadioSpec
from laco.errors import ConfigError

SDU = 1398  # [bytes] of a chunk in one fragment
HEADERS = 200  # [bytes] of headers and security of a fragment; an assumption

DSRC = RadioSpec(
    preset="dsrc_6m", rate=6.0, ofdm=True, shared=True, mtu=SDU, headers=HEADERS, slot=13.0, sifs=32.0, cw_min=15
)
# A capacity that somebody measured or asks for: headers and access are in it already.
_EFFECTIVE = RadioSpec(preset="", mtu=SDU)

_ALL = (
    RadioSpec(),
    # TCP over Ethernet: 40 bytes of IP and TCP, 38 of Ethernet with preamble and gap.
    RadioSpec(preset="wired_1g", rate=1000.0, mtu=1460, headers=78, chunked=False),
    *(replace(DSRC, preset=f"dsrc_{rate}m", rate=float(rate)) for rate in (3, 6, 12, 27)),
    replace(DSRC, preset="its_g5_dcc", duty=0.03),
    replace(_EFFECTIVE, preset="cv2x_pc5", rate=7.2, shared=True),
    replace(_EFFECTIVE, preset="dsrc_effective", rate=3.6, shared=True),
    *(replace(_EFFECTIVE, preset=f"nr_{rate}", rate=float(rate)) for rate in (25, 53, 65)),
)
PRESETS: dict[str, RadioSpec] = {spec.preset: spec for spec in _ALL}


def presets() -> list[str]:
    """Names of the presets, in the order of the list."""
    return list(PRESETS)


def find(name: str) -> RadioSpec:
    """The preset called `name`. Raises ConfigError with the nearest name and all of them."""
    if name not in PRESETS:
        nearest = get_close_matches(name, PRESETS, n=1, cutoff=0.0)[0]
        raise ConfigError(f"unknown radio {name!r}; did you mean {nearest!r}? Known are {', '.join(PRESETS)}")
    return PRESETS[name]
