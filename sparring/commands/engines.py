"""`sparring engines`: what can run a language model here, and what training one takes in memory."""

from __future__ import annotations

import argparse

from .options import Commands, command, whole
from .output import answer, table

_EXAMPLES = """\
  sparring engines doctor                          what is installed, and what to install
  sparring engines memory Qwen/Qwen3-4B --lora 16  what training takes, computed
"""
_MEMORY = "  sparring engines memory Qwen/Qwen2.5-0.5B Qwen/Qwen3-8B --lora 16 --tokens 32768\n"


def add(commands: Commands) -> None:
    parser = command(
        commands, "engines", "See what can run a language model here.", _EXAMPLES, prints=False
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    command(actions, "doctor", "Say what is installed.", _EXAMPLES).set_defaults(run=run)

    memory = command(actions, "memory", "Compute what training takes in memory.", _MEMORY)
    memory.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="a known model or a folder with a config.json (default: all that are known)",
    )
    memory.add_argument(
        "--lora", type=whole(0, 4096), default=0, metavar="R", help="rank (default 0: all weights)"
    )
    memory.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "8bit", "4bit"),
        default="bfloat16",
        help="what the base of adapters is held in (default bfloat16)",
    )
    memory.add_argument(
        "--tokens",
        type=whole(1, 10_000_000),
        default=16_384,
        metavar="N",
        help="that go through the model at once (default 16384)",
    )
    memory.add_argument(
        "--keep-activations",
        action="store_true",
        help="without activation checkpointing (update.checkpointing = false)",
    )
    memory.add_argument(
        "--engines",
        type=whole(0, 64),
        default=0,
        metavar="N",
        help="engines of vLLM on the same device, each with a copy of the weights (default 0)",
    )
    memory.set_defaults(run=run_memory)


def run(arguments: argparse.Namespace) -> int:
    from sparring.agents.engines.available import engines

    found = engines()
    answer([{"name": e.name, "ready": e.ready, "detail": e.detail} for e in found])
    rows = [(e.name, "yes" if e.ready else "no", e.detail) for e in found]
    table(("engine", "here", "what it is, or what to install"), rows)
    return 0


def run_memory(arguments: argparse.Namespace) -> int:
    from sparring.training.memory import GIGA, KNOWN, needs, shape

    names = arguments.models or list(KNOWN)
    found = {
        name: needs(
            shape(name),
            lora=arguments.lora,
            dtype=arguments.dtype,
            tokens=arguments.tokens,
            checkpointing=not arguments.keep_activations,
            copies=arguments.engines,
        )
        for name in names
    }
    answer(found)
    parts = list(found[names[0]])
    rows = [(part, *(f"{found[name][part] / GIGA:.1f}" for name in names)) for part in parts]
    table(("GB", *names), rows, numbers=range(1, len(names) + 1))
    on = f"adapters of rank {arguments.lora} on a base in {arguments.dtype}"
    what = on if arguments.lora else "all weights"
    print(
        f"{what}, {arguments.tokens:,} tokens at once: computed, not measured; leave a fifth free"
    )
    return 0
