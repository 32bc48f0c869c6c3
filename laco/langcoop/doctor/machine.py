"""Ports, and memory of GPUs against models."""

import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from laco.errors import LacoError
from laco.langcoop.doctor.check import Check, missing, ok, warning
from laco.langcoop.evaluation import World
from laco.langcoop.fleet import Seat
from laco.langcoop.servers import ping

GIB = 2**30
WEIGHTS = {  # [bytes] in bfloat16 of models known by their hub id: parameters x 2
    "Qwen/Qwen2.5-VL-3B-Instruct": 3_754_622_976 * 2,
    "Qwen/Qwen2.5-VL-7B-Instruct": 8_292_166_656 * 2,
}


def answers(host: str, port: int, limit: float = 2.0) -> bool:
    """Whether somebody listens."""
    try:
        with socket.create_connection((host, port), limit):
            return True
    except OSError:
        return False


def free(port: int) -> bool:
    """Whether a port of this machine can be had."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def ports(world: World) -> Iterator[Check]:
    """CARLA's and the traffic manager's."""
    where = f"{world.host}:{world.port}"
    if answers(world.host, world.port):
        yield ok("carla server", f"{where} is taken, by a CARLA server we hope")
    else:
        yield warning(
            "carla server", f"nothing listens at {where}", f"CarlaUE4.sh --world-port={world.port} -prefer-nvidia"
        )
    if free(world.traffic_port):
        yield ok("traffic manager", f"port {world.traffic_port} is free")
    else:
        remedy = "another --tm-port: an earlier evaluator or a second one of the same port may hold it"
        yield missing("traffic manager", f"port {world.traffic_port} is in use", remedy)


def servers(seats: Sequence[Seat], limit: float = 3.0) -> Iterator[Check]:
    """Those that run elsewhere."""
    for seat in seats:
        if seat.address is None:
            continue
        try:
            pong = ping(str(seat.address), limit)
        except LacoError as error:
            yield missing("agent server", str(error), f"start it where {seat.address} is")
        else:
            found = (
                f"{seat.address}: {pong.get('driver')} {pong.get('model')} for {', '.join(pong.get('vehicles', ()))}"
            )
            yield ok("agent server", found)


def weights_of(model: str) -> int | None:
    """[bytes] of a model's weights, as far as its folder or its name tells."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return sum(path.stat().st_size for path in folder.glob("*.safetensors")) or None
    return WEIGHTS.get(model)


def memory(seats: Sequence[Seat]) -> Iterator[Check]:
    """What the models of our servers take, against what this machine has."""
    models = [seat.mind.model for seat in seats if seat.mind is not None and seat.address is None]
    sizes = [weights_of(model) for model in models]
    if not models:
        return
    names, known = ", ".join(dict.fromkeys(models)), [size for size in sizes if size]
    if len(known) < len(sizes):
        yield warning("memory", f"{names}: size unknown", "weights take parameters x 4 bytes on a CPU, x 2 on a GPU")
        return
    yield from _fits("memory", names, 2 * sum(known), available(), "float32 weights, free")
    board = boards()
    if board is None:
        yield warning("gpu memory", "nvidia-smi does not answer", "a model on the CPU is slow: see docs/langcoop.md")
    else:
        yield from _fits("gpu memory", names, max(known), max(board), "bfloat16 weights, free on the emptiest board")


def _fits(name: str, models: str, wanted: int, there: int | None, what: str) -> Iterator[Check]:
    if there is None:
        return
    found = f"{models}: {wanted / GIB:.1f} of {there / GIB:.1f} GiB ({what})"
    yield (
        ok(name, found) if wanted <= there else missing(name, found, "a smaller model, or --agents on another machine")
    )


def available() -> int | None:
    """[bytes] of this machine's memory that can be had; None where nobody knows."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None)


def boards() -> list[int] | None:
    """Free memory [bytes] of NVIDIA boards; None where nobody knows."""
    command = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        return [int(line) * 2**20 for line in said.split()] or None
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
