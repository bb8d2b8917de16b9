"""`init` proposes the role of a dynamic series for what its header shows to be one."""

from __future__ import annotations

import pytest
from synthetic_dce import Truth, Written, siemens, write_dynamic, write_vfa
from synthetic_dsc import FirstPass, echo_planar

from biomarker_cli.study.initialise import initialise_study
from biomarker_cli.study.study_file import load_study

TRUTH = Truth(n=10)


def roles_of(folder):
    initialise_study(folder)
    return load_study(folder / "study.yaml").model.roles


def changed(**elements):
    def change(dataset, phase):
        siemens(TRUTH)(dataset, phase)
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    return change


def test_a_dynamic_series_and_its_t1_images(tmp_path):
    write_dynamic(tmp_path / "dce", TRUTH, Written(change=siemens(TRUTH)))
    write_vfa(tmp_path / "vfa", TRUTH, [5.0])
    roles = roles_of(tmp_path)
    assert set(roles) == {"dce", "mr"}
    assert roles["dce"].acquisition.startswith("qiba-dce@")
    assert roles["dce"].analyses[0].startswith("dce-semiquantitative@")


@pytest.mark.parametrize(
    "change",
    [
        changed(ScanningSequence=["GR", "EP"]),
        changed(ScanningSequence="SE"),
        changed(MRAcquisitionType="2D"),
        changed(ImageType=["ORIGINAL", "PRIMARY", "P"]),
        echo_planar(FirstPass()),
    ],
    ids=["echo planar", "spin echo", "2D", "phase", "first pass"],
)
def test_other_series_of_many_volumes_are_none(change, tmp_path):
    write_dynamic(tmp_path / "other", TRUTH, Written(change=change))
    assert set(roles_of(tmp_path)) == {"mr"}


def test_a_few_volumes_are_none(tmp_path):
    write_dynamic(tmp_path / "few", TRUTH, Written(change=siemens(TRUTH), order=range(7)))
    assert set(roles_of(tmp_path)) == {"mr"}
