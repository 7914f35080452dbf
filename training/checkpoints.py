"""Checkpoints: folders that appear whole or not at all, and are read only if every byte is as written."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import Any

from ..agents.run_folder import STATE, scheduled, step_name, steps
from ..envs.errors import SparringError

MANIFEST = "manifest.json"
_PARTIAL = ".partial"
_LEFT = "left"
"""Where checkpoints lie that a run has gone back behind."""
_OF_DISK = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
)
_REMEDIES = {
    errno.ENOSPC: "free some space and resume the run",
    errno.EDQUOT: "free some space and resume the run",
    errno.ENOTDIR: "choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: "was the folder moved or removed?",
}
_OF_TORCH = ("PytorchStreamWriter", "iostream error", "inline_container")
"""What torch says when a file did not take all that was written."""
_OS_ERROR = re.compile(r"os error (\d+)")


class CheckpointError(SparringError, OSError):
    """A checkpoint is missing, corrupt, or could not be written."""


def tokens(place: Path) -> int:
    """How many tokens the run had sampled in all at this checkpoint. Raises CheckpointError."""
    try:
        saved = json.loads((place / STATE / "sparring.json").read_text())
        return int(saved["play"]["tokens"])
    except (OSError, ValueError, LookupError, TypeError) as fault:
        raise CheckpointError(f"{place} does not say how many tokens were sampled") from fault


def drafts(folder: Path) -> Path:
    """Where checkpoints are written before they are whole, beside them on the same disk."""
    return folder / _PARTIAL


def spread(known: Sequence[int], count: int) -> list[int]:
    """At most `count` of the steps, evenly over all, the first and the last among them."""
    last = len(known) - 1
    chosen = [known[round(i * last / max(1, count - 1))] for i in range(count)] if known else []
    # Fewer steps than `count` are each chosen several times.
    return list(dict.fromkeys(chosen))


def at(folder: Path, step: int | None = None) -> Path:
    """The checkpoint of a step, or the latest. Raises CheckpointError, naming what there is."""
    known = steps(folder)
    if not known:
        raise CheckpointError(f"no checkpoint in {folder}")
    if step is not None and step not in known:
        raise CheckpointError(
            f"no checkpoint of step {step} in {folder}; there are {_listed(known)}"
        )
    return folder / step_name(known[-1] if step is None else step)


def finish(draft: Path, place: Path) -> None:
    """Seal a draft with the digests of its files and put it in place in one move.

    Raises CheckpointError when the disk does not take it.
    """
    # All is on the disk before the name appears: a power cut leaves no half of a checkpoint.
    digests = {name: _digest(draft / name) for name in _files(draft)}
    (draft / MANIFEST).write_text(json.dumps(digests, indent=1) + "\n")

    for name in [*digests, MANIFEST]:
        _sync(draft / name)
    # A run that went back writes steps again, and no move replaces a full folder.
    if place.exists():
        shutil.rmtree(place)

    draft.rename(place)
    # A new name is on the disk only once its folder is.
    _sync(place.parent)


def verify(place: Path) -> None:
    """Raise CheckpointError unless every file is there as it was written."""
    try:
        digests: dict[str, str] = json.loads((place / MANIFEST).read_text())
        odd = [name for name, digest in digests.items() if _digest(place / name) != digest]
    except (OSError, ValueError, AttributeError) as fault:
        raise CheckpointError(
            f"the checkpoint {place} is corrupt ({fault}); remove it and resume"
        ) from fault
    if odd:
        raise CheckpointError(
            f"the checkpoint {place} is corrupt ({odd[0]} changed); remove it and resume"
        )


def prune(folder: Path, keep: int) -> None:
    """Remove what is older than the last `keep` scheduled checkpoints (0: none is removed)."""
    kept = scheduled(folder)[-keep:] if keep else []
    for step in steps(folder):
        if kept and step < kept[0]:
            shutil.rmtree(folder / step_name(step))


def put_aside(folder: Path, after: int) -> list[int]:
    """Move the checkpoints after a step, to which the run has gone back, out of its way; returns their steps.

    They lie in `left/` then: they are no past of what follows, and whoever wants them finds them.
    """
    later = [step for step in steps(folder) if step > after]
    for step in later:
        place = folder / _LEFT / step_name(step)
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(exist_ok=True)
        (folder / step_name(step)).rename(place)
    return later


@contextmanager
def writing(what: Path) -> Generator[None]:
    """Turn what libraries raise when a disk is full or read-only into one clear CheckpointError."""
    try:
        yield
    # It says already what to do.
    except CheckpointError:
        raise
    except Exception as fault:
        number = _of_disk(fault, what)
        if not number:
            raise
        remedy = _REMEDIES.get(number, "make it writable, or choose another folder")
        raise CheckpointError(f"cannot write {what}: {os.strerror(number)}; {remedy}") from fault


def write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Write a whole file anew: what stood there stays until the new text is all on the disk."""
    # Beside the file, since a move is one step only within a disk.
    draft = path.with_name(f"{path.name}{_PARTIAL}")
    try:
        draft.write_text(text)
        _sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _of_disk(fault: Exception, what: Path) -> int:
    """The error number of a fault of the disk, 0 for any other; torch and safetensors only tell by text."""
    if isinstance(fault, FileNotFoundError):  # ours where it is in our folder, else the program's
        return errno.ENOENT if str(what) in str(fault.filename) else 0
    if isinstance(fault, OSError):
        return fault.errno if fault.errno in _OF_DISK else 0
    # torch tells no number: a file that takes no more is read as a full disk.
    if any(words in str(fault) for words in _OF_TORCH):
        return errno.ENOSPC
    # safetensors is written in Rust, which tells the number in its text.
    told = _OS_ERROR.search(str(fault))
    return int(told[1]) if told else 0


def _files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _listed(known: list[int]) -> str:
    return ", ".join(map(str, known if len(known) < 8 else [*known[:3], "…", *known[-3:]]))
