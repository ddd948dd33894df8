from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from assay.core.plain import plain


@given(st.text())
def test_plain_text_is_one_line_of_shown_characters(text):
    shown = plain(text)
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for char in shown)
    assert plain(shown) == shown
    assert plain(text, ascii_only=True).isascii()
