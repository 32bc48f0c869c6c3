"""How long a fragment takes: the frame itself, and access to the medium before it.

802.11p (10 MHz OFDM): preamble and signal field 40 us, then symbols of 8 us that carry `BITS[rate]` data bits each;
22 bits are service and tail (as LTEV2Vsim has it). Access as EDCA does it for its highest category, outside the
context of a BSS: SIFS and two slots, then a backoff of 0 .. (CWmin + 1) / 4 - 1 slots (IEEE 802.11).
"""

import math

BITS = {3: 24, 4.5: 36, 6: 48, 9: 72, 12: 96, 18: 144, 24: 192, 27: 216}
"""Data bits per OFDM symbol, by rate [Mb/s]."""
PREAMBLE, SYMBOL = 40e-6, 8e-6  # [s]
SERVICE = 22  # [bits]
AIFSN = 2  # [slots] of the highest access category


def ofdm(size: int, rate: float) -> float:
    """Airtime of a frame of `size` bytes at a rate of `BITS` [s]."""
    return PREAMBLE + SYMBOL * math.ceil((8 * size + SERVICE) / BITS[rate])


def plain(size: int, rate: float) -> float:
    """Time of `size` bytes at `rate` [Mb/s]: [s]."""
    return 8 * size / (rate * 1e6)


def contention_window(cw_min: int) -> int:
    """Largest backoff of the highest access category [slots], from the CWmin of the PHY."""
    return (cw_min + 1) // 4 - 1
