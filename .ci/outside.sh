#!/usr/bin/env bash
# Other people's libraries that pin what ours does not, verifiers and OpenEnv, and lm-eval, trackio and wandb
# beside them, in an environment of their own with Sparring in it: .ci/outside.sh [FOLDER] [PYTEST ARGUMENTS…]
# FOLDER (default .outside) is made on the first call, over .venv, which must be there (OVER=… for another):
# half a gigabyte of disk. verifiers wants openai 2 and OpenEnv pillow 12; the rest is as in ours. inspect wants
# openai 3.4, so it is no company for verifiers: docs/serving.md. With arguments after the folder, runs pytest
# there; a library that is missing then fails its tests and skips none.
OVER=${OVER:-.venv}
source "$(dirname "$0")/own.sh"
own .outside
if making; then
    pip --no-deps -r .ci/outside.txt
    pip --no-deps -e .
    pip pytest pytest-timeout
    ready
fi
export SPARRING_REQUIRE_OUTSIDE=1
tests
