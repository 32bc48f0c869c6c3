#!/usr/bin/env bash
# Makes .venv, installs with the test extra, and runs every check. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. scripts/venv.sh
ready_venv test
.venv/bin/python -m ruff check .
scripts/typecheck.sh
# A part of the suite cannot reach the coverage that the whole must have.
threshold=()
[ $# -eq 0 ] || threshold=(--cov-fail-under=0)
exec .venv/bin/python -m pytest --cov ${threshold[@]+"${threshold[@]}"} "$@"
