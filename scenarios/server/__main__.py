"""`python -m laco.scenarios.server`: the server alone, as `WorldProcess` starts it."""

import argparse
import sys

from laco.errors import LacoError
from laco.scenarios.server.options import add_options, from_namespace
from laco.scenarios.server.serve import serve


def main() -> int:
    """Parse the options and serve; 2 when the server cannot start."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--exit-with-parent", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        serve(from_namespace(options), options.exit_with_parent)
    except LacoError as error:
        sys.stderr.write(f"laco: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
