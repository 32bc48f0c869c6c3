#!/usr/bin/env bash
# mypy --strict over the import package `laco`, and over `laco_langcoop`, which is a distribution of its own.
# Arguments go to mypy.
#
# Type checkers do not follow the folder mapping of setup.py, so they get a tree of links that looks like the
# installed package. Every call brings its top level up to date; below that the links show new files at once.
# The paths in mypy's output are turned back into those of the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONSAFEPATH=1

tree=build/typecheck
mkdir -p "$tree/laco"
for link in "$tree"/laco/*; do
    [ -e "$link" ] || rm -f "$link"
done
for entry in laco/*.py laco/py.typed laco/*/ agents comm scenarios; do
    entry=${entry%/}
    link=$tree/laco/${entry##*/}
    [ -e "$link" ] || [ "$entry" = laco/__pycache__ ] || ln -sfn "../../../$entry" "$link"
done

MYPYPATH=$tree .venv/bin/python -m mypy --strict -p laco "$@" |
    sed -E "s#^$tree/laco/(agents|comm|scenarios)/#\1/#; s#^$tree/##"
MYPYPATH=agents/langcoop .venv/bin/python -m mypy --config-file agents/langcoop/pyproject.toml -p laco_langcoop "$@"
