"""Loss by distance: log-distance path loss, a link budget, and a curve from SNR to packet error rate.

SNR [dB] = power - (PL0 + 10 n log10 d) - (-174 + 10 log10 10 MHz + noise figure).

The curve: a logistic in dB through 10 % at `snr10` for a packet of 1000 bytes, e-folding over `slope` dB; longer
packets fail as often as their 1000-byte parts together: PER(n) = 1 - (1 - PER(1000))^(n / 1000). `snr10` of a
rate is the minimum sensitivity that IEEE 802.11 asks for at 10 MHz (-85 .. -68 dBm, from memory), less the noise
figure of 10 dB and the margin of 5 dB in it. The form and the slope are assumptions; no shadowing, no fading beyond
the slope.
"""

import math
from typing import Annotated

import msgspec

from laco.comm.radio.base import draw
from laco.comm.radio.loss import Hop, Link

SNR10 = {3: 4.0, 4.5: 5.0, 6: 7.0, 9: 9.0, 12: 12.0, 18: 16.0, 24: 20.0, 27: 21.0}
"""[dB] by rate [Mb/s]."""
OTHER = 7.0  # [dB] for radios whose rate is none of these: QPSK 1/2, as 6 Mb/s
THERMAL = -174.0 + 70.0  # [dBm] in 10 MHz
REFERENCE = 1000  # [bytes]
NEAR = 1.0  # [m] PL0 belongs to it, and nobody comes nearer

Positive = Annotated[float, msgspec.Meta(gt=0.0)]


class Distance(msgspec.Struct, frozen=True, tag="distance", tag_field="model", forbid_unknown_fields=True):
    """n: path loss exponent. pl0: path loss at 1 m [dB]. power: EIRP and receive gain [dBm]. noise: figure [dB].

    snr10: where 10 % of 1000-byte packets fail [dB]; None takes that of the radio's rate. slope [dB].
    """

    n: Positive = 2.75
    pl0: float = 47.86
    power: float = 23.0
    noise: float = 9.0
    snr10: float | None = None
    slope: Positive = 1.0

    def snr(self, distance: float) -> float:
        """Signal to noise at `distance` [m]: [dB]."""
        loss = self.pl0 + 10.0 * self.n * math.log10(max(distance, NEAR))
        return self.power - loss - (THERMAL + self.noise)

    def per(self, distance: float, size: int, rate: float | None = None) -> float:
        """Packet error rate for `size` bytes at `distance` [m]."""
        at = self.snr10 if self.snr10 is not None else SNR10.get(rate or 0, OTHER)
        steps = (self.snr(distance) - at) / self.slope + math.log(9.0)
        fine = 1.0 / (1.0 + math.exp(-steps)) if steps > -500.0 else 0.0
        return float(1.0 - fine ** (size / REFERENCE))

    def start(self, seed: int, rate: float | None) -> Link:
        return _Distance(self, seed, rate)


class _Distance(Link):
    def __init__(self, model: Distance, seed: int, rate: float | None) -> None:
        self.model, self.seed, self.rate = model, seed, rate

    def loses(self, hop: Hop) -> bool:
        drawn = draw(self.seed, "distance", hop.sender, hop.listener, hop.seq, hop.fragment)
        return drawn < self.model.per(hop.distance, hop.size, self.rate)
