"""An image without a registry: this interpreter, its libraries and its standard library, and the runner.

No shell, no package manager, no setuid file. The archive depends only on the files it is made of, so the
same machine gives the same digest every time, and both executors run the same interpreter.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import marshal
import os
import platform
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .. import runner
from ..local import interpreter
from ..runner.locks import LOCALE
from ..runner.wire import PROTOCOL
from ..verifier import VerifierError

NAME: Final = "sparring-sandbox"
RUNNER: Final = "/runner"
_LEFT_OUT: Final = {
    "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3",
    "ensurepip", "__pycache__", "pydoc_data", "distutils",
}  # fmt: skip
_PASSWD: Final = b"sandbox:x:20000:20000::/:\n"


def tag() -> str:
    """The image's name for this interpreter and this runner: a change of either asks for a new image."""
    sources = [*_modules(), Path(__file__)]
    what = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    what.update(f"{sys.version} {interpreter()} {platform.machine()}".encode())
    return f"{NAME}:py{platform.python_version()}-{what.hexdigest()[:12]}"


def libraries(files: list[Path]) -> set[Path]:
    """The shared libraries that these files load, the loader included."""
    try:
        listing = subprocess.run(
            ["ldd", *map(str, files)], capture_output=True, text=True, check=False, timeout=60
        )
    except OSError as fault:
        raise VerifierError(
            f"`ldd` is needed to find the interpreter's libraries: {fault}"
        ) from None

    # Of several files `ldd` says each name first, and a colon.
    lines = [line for line in listing.stdout.splitlines() if not line.endswith(":")]
    words = (word for line in lines for word in line.split())
    return {Path(word) for word in words if word.startswith("/")}


def _bytecode(source: Path) -> bytes:
    """The module compiled, marked as valid whatever the file's date."""
    text = source.read_bytes()
    cached = Path(importlib.util.cache_from_source(str(source)))
    if cached.exists() and cached.read_bytes()[:4] == importlib.util.MAGIC_NUMBER:
        return _header(text) + cached.read_bytes()[16:]
    return _header(text) + marshal.dumps(
        compile(text, str(source), "exec", dont_inherit=True, optimize=0)
    )


def _header(text: bytes) -> bytes:
    """Of compiled source: known by its hash, which is never checked."""
    digest = importlib.util.source_hash(text)
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + digest


def _modules() -> list[Path]:
    """The runner's sources."""
    return sorted(Path(runner.__file__).parent.glob("*.py"))


def _runner() -> dict[str, bytes]:
    """The runner compiled, since it starts twice in each container.

    Marshal's format 2 has no references, which would differ from time to time.
    """
    files: dict[str, bytes] = {}
    for path in _modules():
        text, name = path.read_bytes(), f"{RUNNER}/{path.stem}"
        code = compile(text, f"{name}.py", "exec", dont_inherit=True, optimize=0)
        files[f"{name}.pyc"] = _header(text) + marshal.dumps(code, 2)
    return files


def _standard_library(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.iterdir()):
        if path.name in _LEFT_OUT or path.name.startswith("config-"):
            continue
        if path.is_dir():
            yield from _standard_library(path)
        elif path.suffix == ".py":
            yield str(path), path.read_bytes()
            try:
                yield importlib.util.cache_from_source(str(path)), _bytecode(path)
            except (SyntaxError, ValueError):
                continue  # templates that are not meant to be imported
        elif path.suffix == ".so":
            yield str(path), path.read_bytes()


def contents() -> dict[str, bytes]:
    """Path to bytes of everything in the image."""
    python, library = Path(interpreter()), Path(os.__file__).parent
    files = dict(_standard_library(library))
    loaded = libraries([python, *(Path(name) for name in files if name.endswith(".so"))])
    # The loader and the libraries, at the places where the interpreter looks for them.
    for path in sorted(loaded):
        files[str(path)] = path.read_bytes()
    files[str(python)] = python.read_bytes()
    files |= _runner()
    files |= {str(path): path.read_bytes() for path in Path(LOCALE).rglob("*") if path.is_file()}
    files["/etc/passwd"] = _PASSWD
    return files


def _archive(files: dict[str, bytes], executables: set[str]) -> bytes:
    """A tar that depends on nothing but names and bytes."""
    # Folders too, in a fixed order, without dates and owners.
    folders = {str(parent) for name in files for parent in Path(name).parents} - {"/", "."}
    target = io.BytesIO()

    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(folders | set(files)):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.mode = 0o755 if name in folders or name in executables or ".so" in name else 0o644
            if name in folders:
                entry.type = tarfile.DIRTYPE
                tar.addfile(entry)
            else:
                entry.size = len(files[name])
                tar.addfile(entry, io.BytesIO(files[name]))
    return target.getvalue()


def archive() -> tuple[bytes, str]:
    """The image as `docker load` takes it, and its id (the digest of its configuration)."""
    files = contents()
    layer = _archive(files, {interpreter()})
    folders = sorted({os.path.dirname(name) for name in files if ".so" in os.path.basename(name)})
    folders = [folder for folder in folders if not folder.endswith("lib-dynload")]

    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    configuration = _configuration(machine, folders, layer)
    digest = hashlib.sha256(configuration).hexdigest()
    manifest = json.dumps(
        [{"Config": f"{digest}.json", "RepoTags": [tag()], "Layers": ["layer.tar"]}]
    ).encode()
    parts = {f"/{digest}.json": configuration, "/layer.tar": layer, "/manifest.json": manifest}
    return _archive(parts, set()), f"sha256:{digest}"


def _configuration(machine: str, libraries: list[str], layer: bytes) -> bytes:
    """What the engine calls an image's configuration, as JSON."""
    command = [interpreter(), "-S", "-s", "-P", f"{RUNNER}/__main__.pyc", "supervise"]
    config = {
        "User": "20000:20000",
        "WorkingDir": "/",
        "Env": [f"LD_LIBRARY_PATH={':'.join(libraries)}", "PATH=/"],
        "Entrypoint": command,
        "Cmd": ["container+seccomp"],
        "Labels": {"sparring.protocol": str(PROTOCOL)},
    }

    # Fixed dates: the same files give the same digest.
    epoch = "1970-01-01T00:00:00Z"
    digest = hashlib.sha256(layer).hexdigest()
    image = {
        "architecture": machine,
        "os": "linux",
        "created": epoch,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": epoch, "created_by": "sparring sandbox build"}],
    }
    return json.dumps(image, sort_keys=True).encode()
