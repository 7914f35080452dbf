# Sourced by scripts that need an environment of their own with Sparring in it. It goes to the root of the
# repository and takes the script's arguments: the folder ($1, or what `own` is told), then those of pytest.
#   own DEFAULT                             makes the folder, unless it is there
#   if making; then pip PACKAGE…; ready; fi fills it once
#   tests                                   runs pytest in it, where arguments are left
# OVER=.venv takes what fits from that environment; TORCH_INDEX is where torch comes from.
set -euo pipefail
cd "$(dirname "$0")/.."

pip() { "$home/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "$@"; }
packages() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
making() { [ ! -e "$home/.ready" ]; }
ready() { touch "$home/.ready"; }

own() {
    home=${folder:-$1}
    making || return 0
    "${PYTHON:-python3}" -m venv "$home"
    [ -z "${OVER:-}" ] || packages "$OVER" >"$(packages "$home")/over.pth"
    [ -z "${TORCH_INDEX:-}" ] || pip --index-url "$TORCH_INDEX" torch
}

tests() {
    [ ${#arguments[@]} -eq 0 ] ||
        OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} "$home/bin/python" -m pytest -q "${arguments[@]}"
}

folder=${1:-}
arguments=("${@:2}")
