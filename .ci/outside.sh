#!/usr/bin/env bash
# Other people's libraries that pin what ours does not, verifiers and OpenEnv, in an environment of their own with
# Sparring in it: .ci/outside.sh [FOLDER] [PYTEST ARGUMENTS…]
# FOLDER (default .outside) is made on the first call: about 500 MB of disk and a minute or two with OVER=.venv,
# which takes what fits from that environment. verifiers wants openai 2 and OpenEnv pillow 12; the rest is as in
# ours. inspect wants openai 3.4, so it is no company for verifiers: docs/serving.md. With arguments after the
# folder, runs pytest there.
source "$(dirname "$0")/own.sh"
own .outside
if making; then
    pip 'verifiers[openenv]==0.4.*' -e '.[serve]' pytest pytest-timeout
    ready
fi
tests
