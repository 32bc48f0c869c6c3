# Sourced by demo.sh and test.sh: `ready_venv EXTRA` leaves a working, up-to-date .venv in the repository.
# shellcheck shell=bash
#
# Whatever an interrupted call left behind, the next one repairs: a stamp is written only after everything
# worked, and it holds a checksum of what decides about the installation.

# The repository's folders `agents` and `comm` must not hide packages of the same name (see setup.py).
export PYTHONSAFEPATH=1

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

is_suitable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; }

# Print the first Python 3.11 or 3.12 that can make virtual environments; if there is none, say why.
find_python() {
    local candidate without_venv=
    for candidate in python3.11 python3.12 python3; do
        is_suitable "$candidate" || continue
        if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
        without_venv=${without_venv:-$candidate}
    done
    if [ -n "$without_venv" ]; then
        local package
        package=$("$without_venv" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        say "$without_venv has no venv module; on Debian and Ubuntu: apt install $package"
    else
        say "needs Python 3.11 or 3.12 (the carla client has wheels for no later one); on Debian 12: apt install python3 python3-venv"
    fi
    return 1
}

# The Debian package that holds a shared library.
package_of() {
    case $1 in
        libstdc++.so*) echo libstdc++6 ;;
        libgcc_s.so*) echo libgcc-s1 ;;
        libgomp.so*) echo libgomp1 ;;
        libz.so*) echo zlib1g ;;
        libX11.so*) echo libx11-6 ;;
        libXext.so*) echo libxext6 ;;
        libXrender.so*) echo libxrender1 ;;
        libGL.so*) echo libgl1 ;;
        libatomic.so*) echo libatomic1 ;;
        *) echo "the one that holds $1 (apt-file search $1)" ;;
    esac
}

# Import the two packages with the most native code; a library the system lacks is named, with its package.
check_libraries() {
    local output library
    output=$(.venv/bin/python -c 'import carla, torch' 2>&1) && return
    library=$(grep -oE 'lib[A-Za-z0-9_+.-]+\.so[0-9.]*: cannot open shared object' <<<"$output" | head -n 1)
    if [ -n "$library" ]; then
        library=${library%%:*}
        say "the system library $library is missing; on Debian and Ubuntu: apt install $(package_of "$library")"
    else
        say "the installed packages cannot be imported: $(tail -n 1 <<<"$output")"
    fi
    return 1
}

checksum() {
    { cat pyproject.toml setup.py constraints.txt && .venv/bin/python -V && pwd; } | sha256sum | cut -d ' ' -f 1
}

make_venv() {
    is_suitable .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1 && return
    local python
    python=$(find_python) || return
    say "making .venv with $python"
    "$python" -m venv --clear .venv
}

install() {
    local target=. index=()
    [ -z "$1" ] || target=".[$1]"
    [ -z "${LACO_TORCH_INDEX:-}" ] || index=(--extra-index-url "$LACO_TORCH_INDEX")
    say "installing $target into .venv (the first time this takes minutes)"
    .venv/bin/python -m pip install --disable-pip-version-check ${index[@]+"${index[@]}"} \
        -c constraints.txt -e "$target" && check_libraries
}

# ready_venv EXTRA: EXTRA is the name of an optional dependency group of pyproject.toml, or empty.
ready_venv() {
    local extra=$1 stamp=.venv/laco-installed wanted
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
        say "runs on Linux x86_64 only: the carla client has no wheels for $(uname -sm) (Windows: see README.md)"
        return 1
    fi
    # Two of these scripts at once would trip over each other's pip.
    exec 9<scripts/venv.sh
    ! command -v flock >/dev/null || flock 9
    make_venv || return
    wanted=$(checksum)
    # Lines of the stamp: the checksum, then every extra that was installed with it.
    if [ "$(head -n 1 "$stamp" 2>/dev/null)" != "$wanted" ]; then
        rm -f "$stamp"
        install "$extra" || return
        printf '%s\n' "$wanted" "[$extra]" >"$stamp"
    elif [ -n "$extra" ] && ! grep -qxF "[$extra]" "$stamp"; then
        install "$extra" || return
        echo "[$extra]" >>"$stamp"
    fi
    exec 9<&-
}
