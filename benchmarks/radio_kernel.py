"""The modelled air against the kernel's: UDP datagrams of fragments' sizes through a token bucket (tbf).

Two network namespaces joined by a veth pair; tbf on the sending side has the rate at which a preset gets fragments
through, access to the medium included. What is compared is the time from the first to the last fragment of a message.
The kernel's number is limited by its timers (a fragment takes 0.2 to 4 ms) and by who else uses the processor; the
model's by its random backoffs, which average out over a message. With netem in the kernel, Gilbert-Elliott losses are
compared too. Needs root, `unshare`, `ip` and `tc`; without them it says why it is skipped.

    python benchmarks/radio_kernel.py [--fragments 60]
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from typing import IO

from laco.comm.radio import Air, Manifest, RadioSpec
from laco.comm.radio.presets import find

RADIOS = ("dsrc_3m", "dsrc_6m", "dsrc_12m", "cv2x_pc5", "dsrc_effective", "nr_25")
GEMODEL = (0.05, 0.2)  # p, r
LINK = 14 + 20 + 8  # [bytes] of Ethernet, IP and UDP that tbf counts
BUCKET = 1700  # [bytes] one fragment
PORT, HERE, THERE = 47001, "10.77.0.1", "10.77.0.2"
QUIET = 1.0  # [s] after which nothing more comes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fragments", type=int, default=60, help="of a message (default 60)")
    parser.add_argument("--role", choices=("parent", "sender", "receiver"), default="parent", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role == "receiver":
        return receive()
    if args.role == "sender":
        return measure(args.fragments)
    why = lacking()
    if why:
        print(json.dumps({"benchmark": "radio_kernel", "skipped": why}))
        return
    command = ["unshare", "-n", sys.executable, __file__, "--role", "sender", "--fragments", str(args.fragments)]
    sys.exit(subprocess.run(command, check=False).returncode)


def lacking() -> str:
    """Why this machine cannot do it; "" if it can."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    missing = [tool for tool in ("unshare", "ip", "tc") if shutil.which(tool) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    probe = "ip link add p0 type veth peer name p1 && tc qdisc add dev p0 root tbf rate 1mbit burst 2kb latency 1s"
    tried = subprocess.run(["unshare", "-n", "sh", "-c", probe], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"the kernel refuses: {tried.stderr.strip().splitlines()[-1]}"


def run(command: str) -> str:
    """The error of a command; "" if it worked."""
    return subprocess.run(command.split(), capture_output=True, text=True, check=False).stderr.strip()


def need(command: str) -> None:
    """Raises: RuntimeError for a command that failed."""
    if error := run(command):
        raise RuntimeError(f"{command}: {error}")


def receive() -> None:
    """In the other namespace: for each line on stdin, report how many datagrams came, and over which time."""
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "up":
            need(f"ip addr add {THERE}/24 dev v1")
            need("ip link set v1 mtu 2000 up")
            ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ears.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            ears.bind((THERE, PORT))
            print("ready", flush=True)
            continue
        ears.settimeout(5.0)
        times = []
        try:
            while True:
                ears.recv(4096)
                times.append(time.perf_counter())
                ears.settimeout(QUIET)
        except TimeoutError:
            pass
        print(json.dumps([len(times), times[-1] - times[0] if times else 0.0]), flush=True)


def measure(fragments: int) -> None:
    """The sending namespace: every preset in turn."""
    command = ["unshare", "-n", sys.executable, __file__, "--role", "receiver"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        need("ip link add v0 type veth peer name v1")
        need(f"ip link set v1 netns {other.pid}")
        need(f"ip addr add {HERE}/24 dev v0")
        need("ip link set v0 mtu 2000 up")
        ask(other.stdin, other.stdout, "up")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
            mouth.sendto(b"", (THERE, PORT + 1))  # to nobody, so that the first fragment does not wait for ARP
        time.sleep(0.5)
        print(f"{'radio':16}{'kernel ms':>11}{'model ms':>11}{'ratio':>8}")
        ratios = {}
        for name in RADIOS:
            kernel, model = paced(find(name), fragments, other.stdin, other.stdout)
            ratios[name] = round(kernel / model, 4)
            print(f"{name:16}{kernel * 1e3:11.1f}{model * 1e3:11.1f}{kernel / model:8.3f}", flush=True)
        losses = lost(other.stdin, other.stdout)
        other.stdin.close()
    worst = max(abs(ratio - 1) for ratio in ratios.values())
    result = {"benchmark": "radio_kernel", "fragments": fragments, "ratios": ratios, "worst": round(worst, 4)}
    print(json.dumps({**result, "gemodel": losses}))


def ask(into: IO[str], out: IO[str], line: str) -> str:
    into.write(line + "\n")
    into.flush()
    return out.readline()


def paced(spec: RadioSpec, fragments: int, into: IO[str], out: IO[str]) -> tuple[float, float]:
    """Time from the first to the last fragment in the kernel and in the model [s]."""
    size = (spec.mtu or 0) + spec.headers
    rate = 8 * size / spec.duration((spec.mtu or 0,))  # [bit/s] access included
    run("tc qdisc del dev v0 root")
    need(f"tc qdisc add dev v0 root tbf rate {rate:.0f}bit burst {BUCKET} limit 10000000")
    time.sleep(0.1)  # the bucket fills
    count, kernel = send(size, fragments, into, out)
    if count != fragments:
        raise RuntimeError(f"{count} of {fragments} datagrams came through tbf")
    chunks = (spec.mtu or 0,) * fragments
    where = {"a": (0.0, 0.0), "b": (1.0, 0.0)}
    air = Air(spec)
    fates = air.step(0.0, [Manifest("a", "b", 0, "kv", 0.0, 0.0, chunks)], where) + air.step(60.0, [], where)
    (fate,) = [f for f in fates if f.final]
    return kernel, fate.at - fate.began - spec.airtime(spec.mtu or 0)


def send(size: int, count: int, into: IO[str], out: IO[str]) -> tuple[int, float]:
    """Datagrams of `size` bytes on the link, as fast as they can be handed over; how many came, and over which time."""
    into.write("listen\n")
    into.flush()
    time.sleep(0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
        for _ in range(count):
            mouth.sendto(bytes(size - LINK), (THERE, PORT))
    came, span = json.loads(out.readline())
    return came, span


def lost(into: IO[str], out: IO[str]) -> dict[str, object]:
    """Share that netem's gemodel loses and what the model's formula says; or why that is skipped."""
    p, r = GEMODEL
    run("tc qdisc del dev v0 root")
    if error := run(f"tc qdisc add dev v0 root netem loss gemodel {p:%} {r:%}"):
        return {"skipped": f"no netem in this kernel: {error.splitlines()[-1]}"}
    sent = 4000
    came, _ = send(200, sent, into, out)
    return {"netem": round(1 - came / sent, 4), "model": p / (p + r)}


if __name__ == "__main__":
    main()
