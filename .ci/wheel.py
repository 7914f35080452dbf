"""Build the wheel and the sdist, install the wheel into a clean environment and import every module of it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

IMPORT_ALL = """
import importlib, pathlib, pkgutil, sys
import sparring
assert "site-packages" in sparring.__file__, sparring.__file__
names = [m.name for m in pkgutil.walk_packages(sparring.__path__, "sparring.")]
optional = {"openenv", "verifiers", "ray", "vllm", "textarena", "pyspiel", "starlette", "uvicorn"}
for name in names:
    if name.endswith("__main__"):
        continue
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as fault:
        if fault.name not in optional:
            raise
home = pathlib.Path(sparring.__file__).parent
kinds = {path.suffix for path in home.rglob("*") if path.is_file()}
missing = {".html", ".css", ".jsonl"} - kinds
assert not missing, f"data files missing from the wheel: {missing}"
assert (home / "py.typed").exists()
print(f"{len(names)} modules imported from the wheel")
"""


def run(*command: str | Path, cwd: Path) -> None:
    print(
        "+",
        *(Path(part).name if isinstance(part, Path) else part for part in command[:6]),
        flush=True,
    )
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        run(sys.executable, "-m", "build", "--outdir", here / "dist", ROOT, cwd=here)
        (wheel,) = (here / "dist").glob("*.whl")
        venv.create(here / "clean", with_pip=True)
        python = here / "clean" / "bin" / "python"
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "-c", ROOT / "constraints.txt", "torch", cwd=here)
        run(*pip, "-c", ROOT / "constraints.txt", wheel, cwd=here)
        run(python, "-c", IMPORT_ALL, cwd=here)
        run(here / "clean" / "bin" / "sparring", "games", cwd=here)


if __name__ == "__main__":
    main()
