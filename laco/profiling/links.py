"""What links carry, and what standards ask of them: the lines that plots draw."""

from typing import NamedTuple

BUDGET = 0.1  # [s] the latency that TS 22.185 allows, and the window in which a decision waits for messages

# Goodput ceiling on an idle channel [bit/s]: 802.11p with 200 B of headers per 1398 B fragment and its airtime; the
# effective rates of AutoCastSim; the service profiles of TS 22.186; a duty cycle of 3 % for `its_g5_dcc`.
GOODPUT = {
    "dsrc_3m": 2.55e6,
    "dsrc_6m": 4.96e6,
    "dsrc_12m": 9.40e6,
    "dsrc_27m": 18.7e6,
    "dsrc_effective": 3.6e6,
    "its_g5_dcc": 0.15e6,
    "cv2x_pc5": 7.2e6,
    "nr_25": 25e6,
    "nr_53": 53e6,
    "nr_65": 65e6,
    "wired_1g": 1e9,
}


class Requirement(NamedTuple):
    """What a standard asks. latency: end to end [s]; reliability: share of messages, None where it names none."""

    name: str
    source: str
    latency: float
    reliability: float | None


REQUIREMENTS = (
    Requirement("safety messages", "TS 22.185", 0.100, None),
    Requirement("platooning, lowest", "TS 22.186 R.5.2-004", 0.025, 0.90),
    Requirement("platooning, high", "TS 22.186 R.5.2-005", 0.020, None),
    Requirement("platooning, highest", "TS 22.186 R.5.2-006", 0.010, 0.9999),
)


def budget(name: str, seconds: float = BUDGET) -> float:
    """What a link carries in that time [bytes]; infinite for one without a ceiling."""
    return GOODPUT[name] * seconds / 8 if name in GOODPUT else float("inf")
