"""Rules of putting prompts together from pieces: always what the template itself gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparring.agents.language.chat_template import Dialect
from sparring.agents.language.transformer import Transformer
from sparring.agents.prompts import chat, without_system
from sparring.envs.types import Message

TURNS = "{% for m in messages %}<|end|>{{ m.role }}\n{{ m.content }}{% endfor %}<|end|>assistant\n"
TRIMS = TURNS.replace("m.content", "m.content | trim")
COUNTS = TURNS.replace("{{ m.content }}", "{{ loop.index }}{{ m.content }}")
LAST_ONLY = TURNS.replace(
    "{{ m.content }}", "{% if loop.last or m.role == 'system' %}{{ m.content }}{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + TURNS


def with_template(tiny: Transformer, template: str | None) -> Dialect:
    import copy

    tokenizer: Any = copy.deepcopy(tiny.dialect.tokenizer)
    if template:
        tokenizer.chat_template = template
    return Dialect(tokenizer)


def plainly(dialect: Dialect, view: tuple[Message, ...]) -> tuple[int, ...]:
    messages = chat("first", view, dialect.markers)
    rendered = dialect.render(messages if dialect._system else without_system(messages))
    return tuple(dialect.tokenizer.encode(rendered, add_special_tokens=False))


@pytest.mark.parametrize(
    ("template", "learnt"),
    [
        (None, True),
        (TURNS, True),
        (TRIMS, False),
        (COUNTS, False),
        (LAST_ONLY, False),
        (NO_SYSTEM, True),
    ],
)
def test_prompts_are_those_of_the_template(
    tiny: Transformer, template: str | None, learnt: bool
) -> None:
    dialect = with_template(tiny, template)
    assert (dialect._glue is not None) == learnt
    views: list[tuple[Message, ...]] = [(Message("system", "rules"), Message("game", "J"))]
    for text in ("check", "", " bet\n", "<think>x</think>bet", "<|end|>"):
        views.append(
            (
                *views[-1],
                Message("self", text),
                Message("game", f"{text} now?"),
                Message("game", "?"),
            )
        )
    views.append((Message("game", "no rules"),))
    views.append((Message("system", "a"), Message("self", "own first"), Message("game", "J")))
    for view in views:
        if template != NO_SYSTEM or view[1:2] != (Message("self", "own first"),):
            assert dialect.encode("first", view) == plainly(dialect, view)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(max_size=12), min_size=1, max_size=5))
def test_any_text_gives_the_templates_own_tokens(tiny: Transformer, texts: list[str]) -> None:
    speakers = ("game", "self")
    view = tuple(Message(speakers[i % 2], text) for i, text in enumerate(texts))
    if len(view) % 2 == 0:
        view = (*view, Message("game", ""))
    assert tiny.dialect.encode("first", view) == plainly(tiny.dialect, view)


DATED = "{{ strftime_now('%Y') }}{{ date_string }}" + TURNS
CLOSED = "{% for m in messages %}<|move|>{{ m.content }}<|move|>\n{% endfor %}"


def test_a_template_that_writes_the_date_writes_the_same_on_every_day(tiny: Transformer) -> None:
    written = with_template(tiny, DATED).render([{"role": "user", "content": "J"}])
    assert written.startswith("202501 Jan 2025<|end|>user")


def test_the_templates_own_end_of_turn_ends_a_reply_whatever_the_settings_say(
    tiny: Transformer,
) -> None:
    dialect = with_template(tiny, CLOSED)
    own = dialect.tokenizer.convert_tokens_to_ids("<|move|>")
    assert dialect.end == own
    assert dialect.stops == {own, dialect.tokenizer.eos_token_id}


def test_a_template_with_the_tokenizers_end_of_turn_changes_nothing(tiny: Transformer) -> None:
    assert with_template(tiny, None).stops == {tiny.dialect.tokenizer.eos_token_id}
