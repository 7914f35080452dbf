#!/usr/bin/env bash
# Other people's libraries that pin what ours does not: verifiers, OpenEnv, inspect and lm-eval, in an environment
# of their own with Sparring in it: .ci/outside.sh [FOLDER] [PYTEST ARGUMENTS…]
# FOLDER (default .outside) is made on the first call: about 700 MB of disk and 2 minutes with OVER=.venv, which
# takes what fits from that environment. verifiers wants openai 2 and OpenEnv pillow 12; the rest is as in ours.
# With arguments after it, runs pytest there.
set -euo pipefail
cd "$(dirname "$0")/.."
home=${1:-.outside}; shift || true
python=${PYTHON:-python3}
if [ ! -e "$home/.ready" ]; then
    "$python" -m venv "$home"
    packages() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
    [ -z "${OVER:-}" ] || packages "$OVER" >"$(packages "$home")/over.pth"
    pip() { "$home/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "$@"; }
    [ -z "${TORCH_INDEX:-}" ] || pip --index-url "$TORCH_INDEX" torch
    pip 'verifiers[openenv]==0.4.*' inspect-ai lm-eval -e '.[serve]' pytest pytest-timeout
    touch "$home/.ready"
fi
[ $# -eq 0 ] || OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} "$home/bin/python" -m pytest -q "$@"
