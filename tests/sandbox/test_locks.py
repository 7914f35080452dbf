"""The locks hold also where the kernel is older or less is there than on this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sparring.sandbox.runner.locks import landlock_abi

TRY = """
import os, sys
from sparring.sandbox.runner import locks
library, strength, abi = sys.argv[1:]
os.__file__ = library + "/os.py"  # where the rules look for the library
locks.landlock_abi = lambda: int(abi)
locks.Locks(strength).close_on(200, 5)
assert open(os.__file__).read() == "precious"
for flags in (os.O_RDONLY | os.O_TRUNC, os.O_WRONLY, os.O_RDWR | os.O_TRUNC, os.O_WRONLY | os.O_CREAT):
    try: os.open(os.__file__, flags)
    except PermissionError: print("told no")
"""


@pytest.mark.skipif(landlock_abi() < 2, reason="Landlock is not here")
@pytest.mark.parametrize(
    ("strength", "abi"), [("landlock+seccomp", 1), ("landlock+seccomp", 2), ("seccomp", 0)]
)
def test_a_readable_file_is_not_cut_where_landlock_does_not_see_it(
    tmp_path: Path, strength: str, abi: int
) -> None:
    (tmp_path / "os.py").write_text("precious")
    command = [sys.executable, "-c", TRY, str(tmp_path), strength, str(abi)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.count("told no") == 4
    assert (tmp_path / "os.py").read_text() == "precious"
    assert os.access(tmp_path / "os.py", os.W_OK), "else the test shows nothing"
