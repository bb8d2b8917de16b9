"""Two single runs have cases of their own, so that their tables may be pooled."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from biomarker_cli.cli.main import cli
from biomarker_cli.study.errors import StudyError


@pytest.fixture
def files(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    image = np.random.default_rng(1).integers(0, 300, (6, 12, 12)).astype(np.int16)
    mask = np.zeros(image.shape, np.uint8)
    mask[1:5, 3:9, 3:9] = 1
    for name, array in (("image", image), ("mask", mask)):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"{name}.nii.gz"))
    return [
        "extract", "radiomics", "--image", str(tmp_path / "image.nii.gz"), "--quantity", "hu",
        "--mask", str(tmp_path / "mask.nii.gz"), "--analysis", "pyradiomics-default",
        "-o", str(tmp_path / "out"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "case_id"),
    [
        ([], "local/S0001/T1/image"),
        (["--subject", "P7", "--timepoint", "V2", "--site", "X"], "X/P7/V2/image"),
    ],
)
def test_options_of_extract_name_the_case(files, tmp_path, options, case_id):
    assert cli.main([*files, *options], standalone_mode=False) == 0
    with (tmp_path / "out" / "measurements.csv").open() as stream:
        assert {row["case_id"] for row in csv.DictReader(stream)} == {case_id}


@pytest.mark.parametrize("option", ["subject", "timepoint", "site"])
@pytest.mark.parametrize("name", ["", "a/b", "../x", "x" * 65, "=1+1"])
def test_a_name_that_no_file_can_have_is_refused(files, tmp_path, option, name):
    with pytest.raises(StudyError) as caught:
        cli.main([*files, f"--{option}", name], standalone_mode=False)
    assert caught.value.code == "CASE-NAME"
    assert option in caught.value.message
    assert not (tmp_path / "out").exists()
