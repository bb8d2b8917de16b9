"""The policy file of a study is read strictly; a flag it misspells is refused by name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.model.usability import UsablePolicy
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.usable_policy import load_policy, require_known_arguments

HEAD = "format: biomarker-usable/1\nflags:\n"


def _load(tmp_path: Path, text: str | bytes) -> UsablePolicy:
    path = tmp_path / "policy.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_policy(path, "policies/policy.yaml")


def test_a_policy_is_read_with_its_digest(tmp_path):
    text = HEAD + "  roi_small: do_not_use\n  acq_fail:RECIST-CT-001: caution\n"
    policy = _load(tmp_path, text)
    assert policy.own == (("acq_fail:RECIST-CT-001", "caution"), ("roi_small", "do_not_use"))
    assert policy.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert policy.file == "policies/policy.yaml"


def test_a_policy_that_says_nothing_weighs_as_the_product(tmp_path):
    assert _load(tmp_path, "format: biomarker-usable/1\nflags: {}\n").own == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "  draft_protokol: info\n", "line 3.*'draft_protokol', did you mean draft_prot"),
        (HEAD + "  roi_small: info\n  acq_fial:X: info\n", "line 4.*did you mean acq_fail"),
        (HEAD + "  roi_small:x: info\n", "roi_small takes no such argument"),
        (HEAD + "  'acq_fail:': info\n", "acq_fail takes no such argument"),
        (HEAD + "  roi_small: bad\n", "line 3, flags.roi_small: expected 'info', 'caution' or"),
        (HEAD + "  roi_small: no\n", "expected 'info', 'caution' or"),
        (HEAD + "  roi_small: [info]\n", "expected 'info', 'caution' or"),
        (HEAD + "  roi_small: info\n  roi_small: caution\n", "roi_small"),
        (HEAD + "  1: info\n", "expected text"),
        (HEAD + "  ? [a]\n  : info\n", "[.]"),
        (HEAD + "  ~: info\n", "[.]"),
        ("format: biomarker-usable/1\nflags: [a]\n", "expected a mapping"),
        ("format: biomarker-usable/1\n", "the key is missing"),
        ("format: biomarker-usable/1\nflags: {}\nextra: 1\n", "the key is unknown"),
        ("format: biomarker-usable/2\nflags: {}\n", "found biomarker-usable/2"),
        ("flags: {}\n", "the key is missing"),
        ("", "expected a mapping"),
        ("format: biomarker-usable/1\nflags: {roi_sm", "policy.yaml:"),
        (b"\xff\xfe\x00", "no UTF-8"),
        (HEAD + "  " + "x" * 5000 + ": info\n", "[.]"),
        (HEAD + "  roi_small: info\n" * 60_000, "larger than"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused(tmp_path, text, said):
    with pytest.raises(StudyError, match=said) as refused:
        _load(tmp_path, text)
    assert refused.value.code == "USABLE-POLICY"
    assert refused.value.exit_code == 2


def test_a_file_that_is_no_policy_is_not_quoted(tmp_path):
    with pytest.raises(StudyError) as refused:
        _load(tmp_path, "password: hunter2\n")
    assert "hunter2" not in str(refused.value)


def test_a_policy_that_is_absent_is_refused(tmp_path):
    with pytest.raises(StudyError) as refused:
        load_policy(tmp_path / "absent.yaml", "absent.yaml")
    assert refused.value.code == "USABLE-POLICY"


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("acq_fail:RECIST-CT-01", "RECIST-CT-01, a rule that no"),
        ("acq_waived:NOPE", "NOPE, a rule that no"),
        ("suv_override:PatientWait", "no DICOM keyword"),
        ("unit_inferred:Dose", "no DICOM keyword"),
    ],
)
def test_an_argument_that_nothing_has_is_refused(flag, said):
    policy = UsablePolicy(((flag, "info"),), "policy.yaml")
    with pytest.raises(StudyError, match=said):
        require_known_arguments(policy, [load_acquisition("recist-ct@1.0.0")])


def test_arguments_that_exist_pass():
    names = ("acq_fail:RECIST-CT-001", "suv_override:PatientWeight", "roi_small", "acq_fail")
    policy = UsablePolicy(tuple((name, "info") for name in names))
    require_known_arguments(policy, [load_acquisition("recist-ct@1.0.0")])
