"""A checkpoint as a model repository: weights that plain transformers and PEFT load, a card, and hashes.

pushed("poker@300", "my-folder")          a folder, written whole or not at all
pushed("poker@300", "me/poker")           a repository of the hub, in one commit
check("my-folder")                        whether a copy is what was pushed
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Protocol

from ..agents.models.weights import ADAPTER
from ..agents.run_folder import RunFolder, run_of, step_of
from ..agents.seats import checkpoint
from ..arenas.report.from_store import tournament_page
from ..envs.errors import SparringError
from . import checkpoints

CHAIN = "sparring.json"
CARD = "README.md"
FORMAT = 1
_KEPT = ("*.safetensors", "*.json", "*.jinja", "*.model", "merges.txt")
_OURS = ("manifest.json", "trainer_state.json", "training_args.bin")
_LICENCE = "no licence is stated: ask the owner of the base and of the run"


class PushError(SparringError, ValueError):
    """A checkpoint cannot be pushed, or a copy is not what was pushed."""


class Hub(Protocol):
    """The part of `huggingface_hub.HfApi` that is used."""

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> Any: ...

    def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str) -> Any: ...


def pushed(run: str, repo: str, *, store: Path | None = None, hub: Hub | None = None) -> str:
    """Push `RUN@STEP` to a new folder or to the hub; returns the last hash of its chain.

    A REPO of the form `owner/name` is the hub's, unless such a folder's parent is here; `./name` is a folder.
    `store` holds the games by which it is rated (default: the run's own). Raises PushError,
    CheckpointError for a checkpoint that is damaged, UnknownEntrantError for one that there is not.
    """
    name, at, step = run.rpartition("@")
    if not at:
        raise PushError(f"{run!r}: expected RUN@STEP or RUN@latest")
    place = checkpoint(name, step)
    checkpoints.verify(_whole(place))

    target = Path(repo)
    named = repo.count("/") == 1 and not repo.startswith((".", "/"))
    remote = hub is not None or (named and not target.parent.is_dir())
    if not remote and target.exists():
        raise PushError(f"{repo} exists; name a folder that does not")
    beside = Path(tempfile.gettempdir()) if remote else target.resolve().parent

    with checkpoints.writing(target):
        beside.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=beside, prefix=".push-") as draft:
            whole = Path(draft) / "whole"
            head = _stage(place, Path(run).name, whole, store)
            if remote:
                _upload(hub or _hub(), repo, whole, run)
            else:
                whole.rename(target)
    return head


def check(copy: str | Path) -> str:
    """The last hash of a copy's chain, when every file is as it was pushed. Raises PushError."""
    home = Path(copy)
    try:
        said = json.loads((home / CHAIN).read_text(encoding="utf-8"))
        links: list[dict[str, str]] = said["chain"]
        files = [link for link in links if link["what"].startswith("file:")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise PushError(f"{home / CHAIN} is no chain of hashes ({fault})") from fault

    for link in files:
        name = link["what"].removeprefix("file:")
        if not (home / name).is_file():
            raise PushError(f"{home}: {name} is missing")
        if _digest(home / name) != link["sha256"]:
            raise PushError(f"{home}: {name} changed since it was pushed")
    extra = {str(p.relative_to(home)) for p in home.rglob("*") if p.suffix == ".safetensors"}
    if odd := sorted(extra - {link["what"].removeprefix("file:") for link in files}):
        raise PushError(f"{home}: {odd[0]} was not pushed")

    head = ""
    for link in links:
        head = _link(head, link["what"], link["sha256"])
        if head != link["link"]:
            raise PushError(f"{home / CHAIN}: the chain breaks at {link['what']}")
    return head


def _whole(place: Path) -> Path:
    """The folder that has the manifest: of a learner of a cast, the checkpoint that it is part of."""
    return place if step_of(place) is not None else place.parent


def _stage(place: Path, run: str, whole: Path, store: Path | None) -> str:
    """Lay out the repository; returns the head of its chain."""
    whole.mkdir()
    for file in _weights(place):
        shutil.copyfile(file, whole / file.name)
    base = _base(whole)

    home = run_of(_whole(place))
    facts: dict[str, str] = {"manifest": _digest(_whole(place) / checkpoints.MANIFEST)}
    if home and home.config.is_file():
        shutil.copyfile(home.config, whole / "recipe.toml")
        facts["settings"] = _digest(home.config)

    _text(whole / CARD, _card(run, place, home, base, store))
    links = list(_chain(facts, whole))
    _text(whole / CHAIN, json.dumps({"format": FORMAT, "run": run, "chain": links}, indent=1))
    return links[-1]["link"]


def _weights(place: Path) -> list[Path]:
    found = {file for kept in _KEPT for file in place.glob(kept) if file.name not in _OURS}
    return sorted(found)


def _base(whole: Path) -> str:
    """The base of an adapter: a hub's by its name; one that lies here is copied into `base/`."""
    settings = whole / ADAPTER
    if not settings.is_file():
        return ""
    said = json.loads(settings.read_text(encoding="utf-8"))
    base = Path(said["base_model_name_or_path"])
    if not base.is_dir():
        return str(base)

    # a path of this machine would be nothing to others
    (whole / "base").mkdir()
    for file in _weights(base):
        shutil.copyfile(file, whole / "base" / file.name)
    said["base_model_name_or_path"] = "base"
    _text(settings, json.dumps(said, indent=2))
    return "base"


def _chain(facts: Mapping[str, str], whole: Path) -> Iterator[dict[str, str]]:
    """A link for each fact of where it comes from and each file; its hash holds that of the one before."""
    files = sorted(path for path in whole.rglob("*") if path.is_file())
    named = {f"file:{path.relative_to(whole)}": _digest(path) for path in files}
    head = ""
    for what, digest in {**facts, **named}.items():
        head = _link(head, what, digest)
        yield {"what": what, "sha256": digest, "link": head}


def _link(before: str, what: str, digest: str) -> str:
    return sha256(f"{before}\n{what}\n{digest}".encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _text(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


def _card(run: str, place: Path, home: RunFolder | None, base: str, store: Path | None) -> str:
    """The model card: what it is, where it comes from, how strong it is, how to load it."""
    said = home.settings() if home else {}
    games = ", ".join(sorted(home.games)) if home else ""
    step = step_of(_whole(place)) or 0
    lines = [
        "---",
        f"library_name: {'peft' if base else 'transformers'}",
        *([f"base_model: {base}"] if base and base != "base" else []),
        "tags: [self-play, sparring]",
        "---",
        f"# {run}",
        "",
        f"Trained by self-play with [Sparring] on {games or 'games that its settings do not name'}.",
        "",
        "| lineage | |",
        "|---|---|",
        f"| run and step | {run}, step {step:,} |",
        f"| began as | {Path(str(said.get('model') or 'unknown')).name} |",
        f"| recipe | {said.get('recipe') or 'unknown'}; all settings in `recipe.toml` |",
        f"| licence | {_LICENCE} |",
        "",
        "## How strong it is",
        "",
        *_strength(home, step),
        *_ratings(home, store, run),
        "",
        "## Load it",
        "",
        *_loading(base),
        "",
        f"`{CHAIN}` holds a hash of every file and of the run's own manifest, each over the one before: "
        "`sparring push verify FOLDER` checks them.",
    ]
    return "\n".join(lines)


def _strength(home: RunFolder | None, step: int) -> list[str]:
    """Exact numbers of the last record up to the step."""
    records = [r for r in (home.records() if home else []) if r.get("step", 0) <= step]
    wanted = ("nashconv", "nashconv_average", "legal_mass")
    found = [
        f"- {name} at step {record['step']:,}: {record[name]:.4f} (exact)"
        for name in wanted
        for record in [next((r for r in reversed(records) if name in r), {})]
        if record
    ]
    return found or ["NashConv was not computed."]


def _ratings(home: RunFolder | None, store: Path | None, run: str) -> list[str]:
    place = store or (home.store if home else None)
    if place is None or not place.is_file():
        return ["", "It was not rated against others."]
    page = tournament_page(place)
    if page.board is None:
        return ["", "It was not rated against others: no pair of games is complete."]

    names = {entrant.id: entrant.name for entrant in page.entrants}
    rows = [
        f"| {names.get(line.entrant, line.entrant)} | {line.rating.value:+.3f} | "
        f"{line.rating.low:+.3f} to {line.rating.high:+.3f} |"
        for line in page.board.standings
    ]
    return ["", f"Ratings in {page.game} (95 % intervals):", "", "| entrant | rating | interval |",
            "|---|---|---|", *rows]  # fmt: skip


def _loading(base: str) -> list[str]:
    load = 'AutoModelForCausalLM.from_pretrained("FOLDER")'
    if base:
        place = "FOLDER/base" if base == "base" else base
        load = (
            f'PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{place}"), "FOLDER")'
        )
    return [
        "```python",
        f"model = {load}",
        'reader = AutoTokenizer.from_pretrained("FOLDER")',
        "```",
    ]


def _hub() -> Hub:
    from huggingface_hub import HfApi

    return HfApi()


def _upload(hub: Hub, repo: str, whole: Path, run: str) -> None:
    """One commit: a repository never holds half a checkpoint. New ones are private. Raises PushError."""
    try:
        hub.create_repo(repo, private=True, exist_ok=True)
        hub.upload_folder(repo_id=repo, folder_path=str(whole), commit_message=f"Push {run}")
    except Exception as fault:  # whatever the hub or the network raises
        said = " ".join(str(fault).split())[:200]
        raise PushError(
            f"{repo}: the hub did not take it ({type(fault).__name__}: {said})"
        ) from fault
