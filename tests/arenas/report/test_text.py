"""Rules of showing text that players wrote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sparring.arenas.report.text import compact, line, number, shorten, signed, visible


def test_control_characters_become_signs_and_lines_stay() -> None:
    assert visible("a\x1b[31mred\x07\r\n\tb") == "a⟨ESC⟩[31mred⟨BEL⟩⟨CR⟩\n\tb"
    assert line("two\nlines") == "two⟨LF⟩lines"


def test_characters_that_deceive_the_eye_become_signs() -> None:
    assert visible("x\u202egnp.exe") == "x⟨U+202E⟩gnp.exe"
    assert visible("\u200b\ud800\x9b") == "⟨U+200B⟩⟨U+D800⟩⟨U+009B⟩"


def test_ordinary_text_of_any_language_stays() -> None:
    for text in ("check", "Würfel ≤ 3 − x", "打つ", "🂡 bet"):
        assert visible(text) == text


@given(st.text(alphabet=st.characters(categories=None)))
def test_any_text_can_be_written_to_a_file_and_holds_no_control(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in shown if c not in "\n\t")


def test_long_text_keeps_its_ends_and_says_how_much_is_missing() -> None:
    cut = shorten("a" * 500 + "b" * 500, 90)
    assert cut.startswith("a" * 60)
    assert cut.endswith("b" * 30)
    assert "910 characters left out" in cut
    assert shorten("short", 90) == "short"


def test_numbers_have_true_signs_and_no_negative_zero() -> None:
    assert (signed(0.0621), signed(-0.0621), signed(0.0001), signed(-0.0001)) == (
        "+0.062",
        "−0.062",
        "0.000",
        "0.000",
    )
    assert number(float("nan")) == "–"
    assert (compact(950), compact(12_345), compact(1_536_000)) == ("950", "12.3 k", "1.54 M")
