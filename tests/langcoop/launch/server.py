"""Stands in for `laco agent --wire langcoop`: says where it listens and answers `ping`. SERVER=fail: does not start."""

import os
import sys

import msgpack
import zmq


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


def main() -> None:
    if os.environ.get("SERVER") == "fail":
        sys.exit("laco: no model 'x': give a folder")
    socket = zmq.Context().socket(zmq.ROUTER)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    sys.stdout.write(f"listening on 127.0.0.1:{port}\n")
    sys.stdout.flush()
    answer = {"type": "pong", "version": int(os.environ.get("VERSION", "1")), "driver": option("--driver")}
    answer |= {"vehicles": option("--vehicles").split(","), "model": option("--model"), "wire": option("--wire")}
    while True:
        who, request = socket.recv_multipart()
        socket.send_multipart([who, msgpack.packb({**answer, "id": msgpack.unpackb(request)["id"]})])


if __name__ == "__main__":
    main()
