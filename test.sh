#!/usr/bin/env bash
# Makes .venv, installs with the test extra, and runs every check. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. scripts/venv.sh
ready_venv test
.venv/bin/python -m ruff check .
scripts/typecheck.sh
# The real model that some tests use. Without a network the rest of the suite is still worth running.
.venv/bin/laco models get smollm2 || say "no SmolLM2: the tests that need it are skipped"
# A part of the suite cannot reach the coverage that the whole must have.
threshold=()
[ $# -eq 0 ] || threshold=(--cov-fail-under=0)
# Files side by side, one thread each; more workers than four would want more memory than a laptop has.
cores=$(.venv/bin/python -c 'import os; print(min(4, len(os.sched_getaffinity(0))))')
export OMP_NUM_THREADS=1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
check() {
    .venv/bin/python -m pytest --cov -n "$cores" --dist loadfile --max-worker-restart 0 ${threshold[@]+"${threshold[@]}"} "$@" |
        tee "$log"
}
# The carla client's own library can crash while it loads a map (docs/world.md), most often on a busy machine, and takes a
# worker with it: the rest is not waited for then, and everything is run once more. Any other failure stands.
check "$@" || { grep -q "^worker '.*' crashed while running" "$log" && say "a worker crashed: once more" && check "$@"; }
