from __future__ import annotations

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "arenas.md"


def test_the_code_of_the_guide_runs_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        if "cluster" not in block:  # tests/arenas/executors/test_ray.py holds the one with Ray
            exec(compile(block, str(GUIDE), "exec"), names)
    assert (tmp_path / "kuhn.sqlite").exists()
