#!/usr/bin/env bash
# Makes .venv, installs, and runs the main job: two vehicles cross a blind junction talking in KV caches.
# Arguments go to `laco run` (./demo.sh --help). LACO_TORCH_INDEX: see README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. scripts/venv.sh
ready_venv ""
exec .venv/bin/laco run occluded-crossing-v1 "$@"
