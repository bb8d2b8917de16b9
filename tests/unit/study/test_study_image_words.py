"""What a row or a command says of an image is applied, or refused: never silently left out."""

from __future__ import annotations

from pathlib import Path

import pytest

import biomarker_cli as bm
from biomarker_cli.imaging.image_words import unused_word
from biomarker_cli.model.errors import ConfigurationError
from biomarker_cli.study.case_list import read_cases
from biomarker_cli.study.single import SingleCase, plan_single

REFUSED = [
    (("ct", "map.nii.gz"), "", "hu", "IMAGE-MIXED"),
    (("map.nrrd", "ct/1.dcm"), "", "", "IMAGE-MIXED"),
    (("ct",), "", "hu", "QUANTITY-UNUSED"),
    (("b0", "b800"), "", "adc", "QUANTITY-UNUSED"),
    (("map.mha",), "1.2.3", "hu", "SERIES-UNUSED"),
]


@pytest.mark.parametrize(("images", "series", "quantity", "code"), REFUSED)
def test_a_word_that_nobody_would_apply_is_named(images, series, quantity, code):
    unused = unused_word(map(Path, images), series, quantity or None)
    assert unused is not None
    assert unused.code == code


@pytest.mark.parametrize(
    ("images", "series", "quantity"),
    [(("ct",), "1.2.3", ""), (("b0", "b800"), "", ""), (("map.NII",), "", "adc")],
)
def test_what_is_applied_is_no_unused_word(images, series, quantity):
    assert unused_word(map(Path, images), series, quantity or None) is None


@pytest.mark.parametrize(("images", "series", "quantity", "code"), REFUSED)
def test_a_row_with_such_a_word_fails_by_itself(tmp_path, images, series, quantity, code):
    (tmp_path / "cases.csv").write_text(
        "site_id,subject_id,timepoint,role,image,mask,series_uid,quantity\n"
        f"A,S1,T1,ct,{';'.join(images)},mask.nii.gz,{series},{quantity}\n"
        "A,S2,T1,ct,ct,mask.nii.gz,1.2.3,\n"
    )
    bad, good = read_cases(tmp_path / "cases.csv", ("ct",))
    assert bad.refusal is not None
    assert bad.refusal.code == "CASE-ENTRY-INVALID"
    assert good.refusal is None


@pytest.mark.parametrize(("images", "series", "quantity", "code"), REFUSED)
def test_a_command_with_such_a_word_is_refused(tmp_path, images, series, quantity, code):
    mask = tmp_path / "mask.nii.gz"
    paths = [tmp_path / name for name in images]
    for path in (*paths, mask):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    single = SingleCase(
        "radiomics", tuple(paths), mask, "pyradiomics-default", series, quantity or None
    )
    with pytest.raises(ConfigurationError) as refused:
        plan_single(single)
    assert refused.value.code == code


def test_a_volume_of_a_file_has_no_series(tmp_path):
    with pytest.raises(ConfigurationError) as refused:
        bm.read_volume(tmp_path / "map.nii.gz", series="1.2.3", quantity="hu")
    assert refused.value.code == "SERIES-UNUSED"
