"""What the README and the guides show is run: every Python block, in order, in an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def blocks(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


SHOWN = [
    (page, index)
    for page in ("README.md", "docs/coming-from.md")
    for index in range(len(blocks(ROOT / page)))
]


@pytest.mark.parametrize(("page", "index"), SHOWN)
def test_python_on_a_newcomers_page_runs(page: str, index: int, tmp_path: Path) -> None:
    code = blocks(ROOT / page)[index]
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


def test_the_game_of_the_readme_keeps_every_word_of_its_declaration(tmp_path: Path) -> None:
    file = tmp_path / "my_game.py"
    file.write_text(blocks(ROOT / "README.md")[0], encoding="utf-8")
    asked = [sys.executable, "-m", "sparring", "games", "--check", str(file), "--seeds", "5"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("all checks passed\n"), done.stdout


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
    for page in [*PAGES, ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_files_named_on_a_page_exist() -> None:
    rooms = "envs|agents|arenas|sandbox|training|tests|examples|benchmarks|docs"
    named = re.compile(rf"`((?:{rooms})/[\w/.-]*\w(?:\.\w+)?/?)(?=[`:])")
    found = [(page.name, path) for page in PAGES for path in named.findall(page.read_text())]
    assert len(found) > 40
    assert [(page, path) for page, path in found if not (ROOT / path).exists()] == []


def test_modules_named_on_a_page_exist() -> None:
    named = re.compile(r"\bsparring\.((?:envs|agents|arenas|sandbox|training)[\w.]*\w)")
    for page in PAGES:
        for name in named.findall(page.read_text()):
            # a name may end in one or two attributes of a module
            steps = name.split(".")
            places = [ROOT / "/".join(steps[:n]) for n in range(len(steps), len(steps) - 3, -1)]
            there = any(p.is_dir() or p.with_suffix(".py").is_file() for p in places if p != ROOT)
            assert there, f"{page.name} names sparring.{name}"


def test_the_architecture_page_names_every_folder_of_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    for room in ("envs", "agents", "arenas", "sandbox", "training", "sparring"):
        for file in (ROOT / room).glob("*/__init__.py"):
            assert f"{file.parent.name}/`" in page, f"{room}/{file.parent.name} is not on the page"


def test_the_api_page_is_what_the_docstrings_say() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "api.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
