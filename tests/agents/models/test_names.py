from __future__ import annotations

from pathlib import Path

import pytest
from sparring.agents.models.names import ModelError, split_options, with_options


def test_options_stand_behind_a_question_mark() -> None:
    name, options = split_options("tiny:sums?accuracy=0.3&think=asked")
    assert (name, options) == ("tiny:sums", {"accuracy": "0.3", "think": "asked"})
    assert with_options(name, options) == "tiny:sums?accuracy=0.3&think=asked"
    assert split_options("smollm2-135m") == ("smollm2-135m", {})


@pytest.mark.parametrize("spec", ["tiny?", "tiny?accuracy", "tiny?=3", "tiny?a=", "tiny?a=1&b"])
def test_options_without_key_or_value_are_refused(spec: str) -> None:
    with pytest.raises(ModelError, match="NAME\\?key=value"):
        split_options(spec)


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(ModelError, match="twice"):
        split_options("tiny?a=1&a=2")


def test_a_folder_may_have_a_question_mark_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "what?a=1").mkdir()
    assert split_options(str(tmp_path / "what?a=1")) == (str(tmp_path / "what?a=1"), {})
