"""`python -m laco.view`: the viewer alone, as `ViewProcess` starts it; the first line of stdout is its address."""

import argparse
import sys

from laco.errors import LacoError
from laco.view.extra import require


def main() -> int:
    """Parse the options and serve; 2 when the viewer cannot start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=2000)
    parser.add_argument("--view-port", type=int, default=0)
    parser.add_argument("--exit-with-parent", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        require()
        from laco.view.serve import serve

        serve(options.host, options.port, options.view_port, _say, options.exit_with_parent)
    except LacoError as error:
        sys.stderr.write(f"laco: {error}\n")
        return 2
    return 0


def _say(url: str) -> None:
    sys.stdout.write(f"viewing on {url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
