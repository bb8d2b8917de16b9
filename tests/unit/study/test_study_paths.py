"""Every file that a study names lies in its folder, or where the user allows it."""

from __future__ import annotations

import pytest
from synthetic_protocols import protocol_head

from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.study_file import load_study

CASES = "site_id,subject_id,timepoint,role,image,mask\nA,1,T1,ct,/anywhere/ct,/elsewhere/m.nii\n"
FILES = {
    "overrides": "format: biomarker-overrides/1\noverrides: []\n",
    "waivers": "format: biomarker-waivers/1\nwaivers: []\n",
    "lock": "{}",
    "cases": CASES,
}
PROTOCOL = protocol_head()


@pytest.fixture
def study(tmp_path):
    """Write a study whose files may lie outside; return what loads it."""
    (tmp_path / "study").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "study" / "cases.csv").write_text(CASES)

    def load(more: str = "", acquisition: str = "base-ct@1.0.0", allowed=()):
        (tmp_path / "study" / "study.yaml").write_text(
            f"format: biomarker-study/1\nid: x\n{more}roles:\n"
            f"  ct: {{acquisition: {acquisition}, analyses: [radiomics-ct]}}\n"
        )
        return load_study(tmp_path / "study" / "study.yaml", allowed)

    return load


def _refused(study, *arguments, **named):
    with pytest.raises(StudyError) as caught:
        study(*arguments, **named)
    assert caught.value.code == "STUDY-PATH-OUTSIDE"
    assert "--allow-path" in caught.value.hint


@pytest.mark.parametrize("key", FILES)
@pytest.mark.parametrize("way", ["upwards", "absolute", "link", "linked folder"])
def test_a_file_outside_is_refused_and_one_inside_or_allowed_read(study, tmp_path, key, way):
    outside = tmp_path / "outside" / "file"
    outside.write_text(FILES[key])
    root = tmp_path / "study"
    if way == "link":
        (root / "inner").symlink_to(outside)
    elif way == "linked folder":
        (root / "inner").symlink_to(outside.parent)
    name = {
        "upwards": "../outside/file",
        "absolute": str(outside),
        "link": "inner",
        "linked folder": "inner/file",
    }[way]
    _refused(study, f"{key}: {name}\n")
    _refused(study, f"{key}: {name}\n", allowed=[tmp_path / "outside" / "deeper"])
    assert study(f"{key}: {name}\n", allowed=[tmp_path / "outside"]).entries
    (root / "deep").mkdir()
    (root / "deep" / "file").write_text(FILES[key])
    assert study(f"{key}: deep/../deep/file\n").entries


def test_a_folder_that_only_begins_alike_is_outside(study, tmp_path):
    (tmp_path / "study-2").mkdir()
    (tmp_path / "study-2" / "w.yaml").write_text(FILES["waivers"])
    _refused(study, "waivers: ../study-2/w.yaml\n")


def test_a_study_reached_through_a_link_has_its_files_inside(study, tmp_path):
    study()
    (tmp_path / "link").symlink_to(tmp_path / "study")
    assert load_study(tmp_path / "link" / "study.yaml").entries


def test_protocols_and_what_they_extend_are_files_of_the_study(study, tmp_path):
    (tmp_path / "outside" / "p.yaml").write_text(PROTOCOL + "extends: base-ct@1.0.0\n")
    (tmp_path / "study" / "child.yaml").write_text(PROTOCOL + "extends: ../outside/p.yaml\n")
    (tmp_path / "study" / "right.yaml").write_text(PROTOCOL + "extends: base-ct@1.0.0\n")
    (tmp_path / "study" / "round.yaml").write_text(PROTOCOL + "extends: round.yaml\n")
    for name in ("../outside/p.yaml", "child.yaml", str(tmp_path / "outside" / "none.yml")):
        _refused(study, acquisition=name)
    for name in ("../outside/p.yaml", "child.yaml"):
        assert study(acquisition=name, allowed=[tmp_path / "outside"]).entries
    assert study(acquisition="right.yaml").entries
    assert study(acquisition="round.yaml").entries  # loading the protocol refuses it


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000, "loop"])
def test_a_path_that_no_file_has_is_named(study, tmp_path, name):
    (tmp_path / "study" / "loop").symlink_to(tmp_path / "study" / "pool")
    (tmp_path / "study" / "pool").symlink_to(tmp_path / "study" / "loop")
    with pytest.raises(StudyError) as caught:
        study(f"waivers: {name}\n")
    assert caught.value.code == "STUDY-INVALID"


@pytest.mark.parametrize("name", ["x" * 300 + ".yaml", "none.yaml", "."])
def test_no_study_file_is_named(tmp_path, name):
    with pytest.raises(StudyError) as caught:
        load_study(tmp_path / name)
    assert caught.value.code == "STUDY-NOT-FOUND"


def test_the_folder_of_a_study_is_told_how_its_file_is_called(tmp_path):
    (tmp_path / "study.yaml").write_text("id: a\n")
    with pytest.raises(StudyError) as caught:
        load_study(tmp_path)
    assert caught.value.hint == f"It is a folder: name {tmp_path / 'study.yaml'}."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("format: biomarker-analysis/1\npassword: hunter2\n", "found biomarker-analysis/1"),
        ("password: hunter2\n", "the key is missing"),
        ("format: [hunter2]\n", "found another"),
        ("format: biomarker-study/1\nid: x\ncolour: red\nroles: {}\n", "line 3, colour"),
        ("format: biomarker-study/1\nid: x\x1b[31m\nroles: {}\n", "control character U+001B"),
        ("format: biomarker-study/1\nid: " + "7" * 6000 + "\nroles: {}\n", "6000 characters"),
    ],
)
def test_a_bad_study_is_told_with_the_line_and_no_other_file_quoted(tmp_path, text, told):
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(StudyError) as caught:
        load_study(tmp_path / "study.yaml")
    assert caught.value.code == "STUDY-INVALID"
    assert told in caught.value.message
    assert "hunter2" not in str(caught.value)
    assert "study.yaml" in caught.value.where
