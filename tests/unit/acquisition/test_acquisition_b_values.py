"""The fact of b-values: what contradicts or makes no sense is told, never judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from synthetic_dwi import Spec, write_dwi

from biomarker_cli.acquisition.facts.mr import b_values
from biomarker_cli.acquisition.facts.registry import Reading
from biomarker_cli.acquisition.series import series_headers
from biomarker_cli.catalogue.catalogue import scan


def fact(folder: Path, *specs: Spec) -> Reading:
    write_dwi(folder, specs)
    (series,) = series_headers(scan([folder]))
    return b_values(series)


def siemens(b: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", b)

    return change


def ge(b: int, squared: float) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        dataset.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [b, 8, 0, 0])
        dataset.private_block(0x0021, "GEMS_RELA_01", create=True).add_new(0x5A, "SL", 16)
        block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
        for offset, value in zip((0xBB, 0xBC, 0xBD), (np.sqrt(squared), 0.0, 0.0), strict=True):
            block.add_new(offset, "DS", f"{value:.6f}")

    return change


def test_elements_that_agree_are_the_fact(tmp_path: Path) -> None:
    reading = fact(tmp_path, Spec(0), Spec(800, change=siemens("800")))
    assert (reading.values, reading.n_missing, reading.flags) == (((0.0, 800.0),), 0, frozenset())


def test_elements_that_contradict_are_no_fact(tmp_path: Path) -> None:
    reading = fact(tmp_path, Spec(0), Spec(800, change=siemens("500")))
    assert reading.values == ()
    assert "(0019,xx0C)" in reading.reason


@pytest.mark.parametrize("b", [-5.0, float("nan"), 1e300])
def test_an_impossible_b_is_no_fact_and_not_read_as_b0(tmp_path: Path, b: float) -> None:
    reading = fact(tmp_path, Spec(500), Spec(800), Spec(b, array=np.ones(1)))
    assert reading.values == ()
    assert "b0_untagged" not in reading.flags


def test_a_b_value_that_was_scaled_is_flagged(tmp_path: Path) -> None:
    reading = fact(tmp_path, Spec(0), Spec(None, array=np.ones(1), change=ge(3000, 1 / 3)))
    assert reading.values == ((0.0, 1000.0),)
    assert reading.flags == {"b_from_gradient_length"}
