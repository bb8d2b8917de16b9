"""Every value of IBSI chapter 1, by its own rule: three digits, then the tolerance."""

import pytest
from ibsi_benchmark import CHAPTER_1, chapter_1
from ibsi_page import assert_page_says

pytestmark = pytest.mark.data


@pytest.mark.parametrize("config", CHAPTER_1)
def test_ibsi_1(config, data_dir, reference_dir):
    compared = chapter_1(config, data_dir, reference_dir)
    assert len(compared) == CHAPTER_1[config]
    assert not [c for c in compared if not c.within]
    assert_page_says(compared)
