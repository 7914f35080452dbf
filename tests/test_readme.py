"""What the README and the guides show is run: every Python block, in order, in an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def blocks(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("index", range(len(blocks(ROOT / "README.md"))))
def test_python_in_the_readme_runs(index: int, tmp_path: Path) -> None:
    code = blocks(ROOT / "README.md")[index]
    (tmp_path / "block.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "block.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr


def test_every_sparring_command_in_the_readme_is_one_that_exists() -> None:
    from sparring.cli import parser

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [
        line.split("#")[0].split() for line in re.findall(r"^sparring .*$", text, re.MULTILINE)
    ]
    assert lines
    for words in lines:
        parser().parse_args(words[1:])


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
