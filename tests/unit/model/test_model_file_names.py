"""Names of files: whatever a ROI is called, its file is one that every system takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomarker_cli.model.file_names import DEVICE, FileNames

LONG = ("n" * 300, "n" * 300 + "x", "腫" * 5000)
HOSTILE = (
    *("GTV", "gtv", "GTV_2", "gtv", "", "Lunge li", "é", "e\u0301", "-rf"),
    *("../etc", "..", "a/b", "a\\b", "C:evil", "a\0b", "\x1b[31m", "\u202eGTV", "\udcff"),
    *("con", "CON.mask", "nul", "com1", "LPT9.x", "aux "),
    *LONG,
)


def _require_fit(name: str, taken: set[str]) -> None:
    assert name.casefold() not in taken
    assert not set(name) & set('/\\ :*?"<>|\0')
    assert not name.startswith(".")
    assert not DEVICE.match(name)
    assert len(f"{name}.nii.gz".encode()) < 255


def test_names_are_safe_and_unique():
    names, taken = FileNames(), set()
    for text in HOSTILE:
        name = names.of(text)
        _require_fit(name, taken)
        taken.add(name.casefold())
    assert len(taken) == len(HOSTILE)


@given(st.lists(st.text(), max_size=20))
def test_any_names_are_safe_and_unique(texts):
    names, taken = FileNames(), set()
    for text in texts:
        name = names.of(text)
        _require_fit(name, taken)
        taken.add(name.casefold())


@pytest.mark.parametrize("text", ["con", "CON", "nul.mask", "com1", "COM\u00b9", "lpt9.x"])
def test_what_names_a_device_on_windows_gets_another_name(text):
    assert FileNames().of(text) == f"_{text}"


@pytest.mark.parametrize("text", ["contour", "CONE.x", "auxiliary", "com", "com12", "GTV"])
def test_what_names_no_device_stays(text):
    assert FileNames().of(text) == text
