"""What our messages cost over plain pyzmq: raw fp16 in one chunk, published to decoded, in one run.

Both move the same frames, [topic, header, keys, values], from a PUB to a SUB over loopback TCP, `copy=False`, between
two processes; plain pyzmq stops when the frames are there, ours when they are a KVCache again. All cases take turns.
The target is a ratio of the medians of at most 1.15 from 100 KB to 5 MB for `raw` (no checksum, numbers stay fp16);
what a message of 1 KB adds is told in microseconds. `float32` converts them; a checksum (xxh3-64) reads the bytes once
at each end; 64 chunks cost 64 headers.

What limits it: the kernel's loopback, which copies every byte twice; below 100 KB waking four threads (two of ZeroMQ,
two of ours) takes most of the time and our own Python is a few tens of microseconds of it. The cache is a band of 4
layers, 3 heads of 64 (SmolLM2's): a decoded cache is a view per layer, so more layers cost more microseconds.

    python benchmarks/transport.py [--sizes 1024 100000 1000000 5000000] [--turns 50]

The last line of output is one JSON object.
"""

import argparse
import json

import msgspec

from laco.profiling.transport import Row, measure

SIZES = (1024, 100_000, 300_000, 1_000_000, 5_000_000)
TARGET, FROM = 1.15, 90_000  # [bytes] where the target begins


def show(rows: list[Row]) -> None:
    heads = ("case", "payload", "chunks", "publish", "received", "p50", "p90", "p99", "ratio")
    print(" ".join(f"{head:>9}" for head in heads), " [ms]")
    for row in rows:
        times = (row.publish["p50"], row.received["p50"], *(row.total[key] for key in ("p50", "p90", "p99")))
        figures = " ".join(f"{time:9.3f}" for time in times)
        print(f"{row.case:>9} {row.payload:>9} {row.chunks:>9} {figures} {row.ratio:9.2f}  {row.added:+.0f} us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="payloads [bytes]")
    parser.add_argument("--turns", type=int, default=50, help="of each case and size; four messages in each count")
    options = parser.parse_args()
    rows = measure(options.sizes, options.turns)
    show(rows)
    raw = [row for row in rows if row.case == "raw"]
    worst = max((row.ratio for row in raw if row.payload >= FROM), default=None)
    added = [row.added for row in raw if row.payload < FROM]
    summary = {
        "target": TARGET,
        "worst_ratio": worst,
        "met": worst is not None and worst <= TARGET,
        "added_us_below_100KB": added,
        "rows": msgspec.to_builtins(rows),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
