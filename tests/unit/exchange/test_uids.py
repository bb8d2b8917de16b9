"""Two rules of UIDs: of those that we write, and of those that archives hold."""

from __future__ import annotations

import pytest

from biomarker_cli.exchange.uids import is_archive_uid, is_standard_uid


@pytest.mark.parametrize(
    ("text", "standard", "archive"),
    [
        ("1.2.840.10008.1.2", True, True),
        ("2.25.0", True, True),
        ("2.25." + "9" * 59, True, True),
        # Of real archives: components with leading zeros (PS3.5 9.1), and empty ones.
        ("1.2.012.3", False, True),
        ("1..2", False, True),
        ("1.2.", False, True),
        ("2.25." + "9" * 60, False, False),
        ("", False, False),
        ("..", False, False),
        ("1.2/3", False, False),
        ("1.2\n", False, False),
        ("1.\u0662", False, False),
        ("1.\u00b2", False, False),
    ],
)
def test_a_uid_is_one_by_the_standard_or_as_archives_hold_them(text, standard, archive):
    assert (is_standard_uid(text), is_archive_uid(text)) == (standard, archive)


def test_what_is_no_text_is_no_uid():
    assert not is_archive_uid(None)
    assert not is_archive_uid(["1.2"])
