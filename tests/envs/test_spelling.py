"""What a terminal gets that cannot show a character."""

import io

import pytest
from sparring.envs.spelling import spelling


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("ascii", "−0.05 ± 0.04, ranks 1–2", b"-0.05 +/- 0.04, ranks 1-2"),
        ("ascii", "N(0, 400²) … Éva ½ 日", b"N(0, 400^2) ... Eva ? ?"),
        ("latin-1", "−1 ± ½ é", "-1 ± ½ é".encode("latin-1")),
        ("utf-8", "−1 \ud800", "−1 ?".encode()),
    ],
)
def test_a_sign_is_spelled_a_letter_loses_its_accent_and_no_number_changes(encoding, text, shown):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    spelling(stream)
    stream.write(text)
    stream.flush()
    assert raw.getvalue() == shown


def test_what_is_no_text_stream_is_left_alone():
    spelling(io.StringIO())
    spelling(None)
