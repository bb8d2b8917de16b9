"""The key of a study: made once, for its owner alone, and never replaced untold."""

from __future__ import annotations

import stat

import pytest

from biomarker_cli.study import study_key
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.initialise import initialise_study
from biomarker_cli.study.study_file import load_study, with_key
from biomarker_cli.study.study_key import KEY_FILE, fingerprint, key_of_first_run, require_key

STUDY = "format: biomarker-study/1\nid: x\n{more}roles:\n  ct: {{analyses: [radiomics-ct]}}\n"
CASES = "site_id,subject_id,timepoint,role,image,mask\nA,1,T1,ct,ct,m.nii\n"


@pytest.fixture
def study(tmp_path):
    def load(more: str = ""):
        (tmp_path / "study.yaml").write_text(STUDY.format(more=more))
        (tmp_path / "cases.csv").write_text(CASES)
        return load_study(tmp_path / "study.yaml")

    return load


def test_the_first_run_makes_a_key_that_the_next_one_finds(tmp_path, study):
    first = with_key(study(), writes=True)
    assert len(first.key) == 32
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert with_key(study(), writes=True).key == first.key == require_key(tmp_path)
    assert first.device_key == first.key
    assert first.key.hex() not in repr(first)


def test_a_dry_run_writes_none_and_takes_the_one_that_is_there(tmp_path, study):
    assert len(with_key(study(), writes=False).key) == 32
    assert not (tmp_path / KEY_FILE).exists()
    key = key_of_first_run(tmp_path)
    assert with_key(study(), writes=False).key == key


def test_a_part_of_a_study_is_refused_without_its_key(tmp_path, study):
    for ask in (lambda: require_key(tmp_path), lambda: study().device_key):
        with pytest.raises(StudyError) as caught:
            ask()
        assert caught.value.code == "STUDY-NO-KEY"
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32, "00" * 31, "00" * 33, "\xff" * 64])
def test_what_is_no_key_is_named_and_not_replaced(tmp_path, content):
    (tmp_path / KEY_FILE).write_bytes(content.encode("latin-1"))
    with pytest.raises(StudyError) as caught:
        key_of_first_run(tmp_path)
    assert caught.value.code == "STUDY-NO-KEY"
    assert (tmp_path / KEY_FILE).read_bytes() == content.encode("latin-1")


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def refuse(*_arguments, **_named):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(study_key, "write_new", refuse)
    with pytest.raises(StudyError, match="Read-only") as caught:
        key_of_first_run(tmp_path)
    assert caught.value.code == "STUDY-NO-KEY"


def test_of_two_first_runs_both_have_the_key_of_the_faster(tmp_path, monkeypatch):
    real = study_key.write_new

    def slow(contents, private):
        real(dict.fromkeys(contents, b"ab" * 32), private)
        real(contents, private)

    monkeypatch.setattr(study_key, "write_new", slow)
    assert key_of_first_run(tmp_path) == bytes.fromhex("ab" * 32)


def test_the_fingerprint_tells_keys_apart_and_gives_none_away():
    first, second = bytes(32), bytes([1]) * 32
    assert fingerprint(first) == fingerprint(bytes(32)) != fingerprint(second)
    assert first.hex() not in fingerprint(first)


def test_a_study_may_keep_the_names_of_its_scanners(study):
    assert study("device: keep\n").device_key is None
    with pytest.raises(StudyError, match="line 3, device"):
        study("device: show\n")


def test_init_makes_the_key_and_keeps_it_out_of_git(tmp_path):
    from synthetic_series import axial, write_series

    write_series(tmp_path / "a", axial(0, 3, 6))
    initialise_study(tmp_path)
    assert len(require_key(tmp_path)) == 32
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert KEY_FILE in (tmp_path / ".gitignore").read_text().split()


def test_init_keeps_a_key_that_is_there(tmp_path):
    from synthetic_series import axial, write_series

    write_series(tmp_path / "a", axial(0, 3, 6))
    key = key_of_first_run(tmp_path)
    initialise_study(tmp_path)
    assert require_key(tmp_path) == key
