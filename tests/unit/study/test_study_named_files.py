"""What the rows of a study name is looked at once for a plan, and anew for the next one."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from kept_study import write_study

from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.model.inputs import FileSignature
from biomarker_cli.study.named_files import NamedFiles
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.study_file import load_study, with_key


@pytest.fixture
def planner(tmp_path):
    study = write_study(tmp_path / "study", n_cases=2, keep=())
    return StudyPlanner(with_key(load_study(study), writes=True), FileIndex(tmp_path / "index"))


def _signature(planner: StudyPlanner, place: int) -> FileSignature:
    plan = planner.planned(place).plan
    return plan.inputs.known[plan.images[0].files[0]].signature


def _changed(path: Path) -> FileSignature:
    with path.open("ab") as stream:
        stream.write(b"\0")
    return FileSignature.of(path.stat())


def test_a_name_is_looked_at_once_until_it_is_forgotten(tmp_path):
    named = NamedFiles(tmp_path)
    path = tmp_path / "a.nii"
    assert named.of("a.nii").status is None
    with pytest.raises(FileNotFoundError):
        _ = named.of("a.nii").signature
    path.touch()
    assert named.of("a.nii").status is None
    assert named.signatures == {}
    named.forget()
    assert named.of("a.nii").signature == FileSignature.of(path.stat())
    assert named.signatures == {path: FileSignature.of(path.stat())}


def test_what_a_name_is_and_where_nothing_is(tmp_path):
    named = NamedFiles(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.nii.gz").touch()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "broken").symlink_to("nowhere")
    found = {
        name: (one.is_image, one.is_dicom, one.is_folder)
        for name in ("folder", "x.nii.gz", "file", "loop", "broken", "file/below", "nul\0", "y.mha")
        for one in [named.of(name)]
    }
    nothing = (False, False, False)
    assert found == {
        "folder": (False, True, True),
        "x.nii.gz": (True, False, False),
        "file": (False, True, False),
        "loop": nothing,
        "broken": nothing,
        "file/below": nothing,
        "nul\0": nothing,
        "y.mha": (True, False, False),
    }


def test_a_plan_has_the_files_as_they_were_when_its_case_was_first_looked_at(planner, tmp_path):
    """What changes between the look and the reading is told by the signature."""
    image = tmp_path / "study" / "i0.nii.gz"
    before = FileSignature.of(image.stat())
    planner.mark(0)
    now = _changed(image)
    assert _signature(planner, 0) == before
    assert _signature(planner, 0) == now


def test_a_case_that_was_looked_at_says_nothing_of_another(planner, tmp_path):
    image, mask = tmp_path / "study" / "i0.nii.gz", tmp_path / "study" / "mask.nii.gz"
    planner.mark(0)
    now = _changed(image)
    changed_mask = _changed(mask)
    plan = planner.planned(1).plan
    assert plan.inputs.known[mask].signature == changed_mask
    assert _signature(planner, 0) == now


def test_a_case_whose_files_the_system_does_not_show_is_refused_by_name(planner, monkeypatch):
    """A folder that may not be searched is no defect of the program, and stops nobody else."""
    stat = Path.stat

    def locked(path: Path, **options: bool) -> object:
        if path.name == "i0.nii.gz":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", locked)
    assert planner.mark(0).digest == ""
    refused = planner.planned(0)
    assert refused.refusal is not None
    assert (refused.refusal.code, refused.refusal.where) == ("CASE-FILE-UNREADABLE", "i0.nii.gz")
    assert "Permission denied" in refused.refusal.message
    assert refused.log == ""
    assert planner.planned(1).refusal is None
