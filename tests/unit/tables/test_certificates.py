"""The certificate that is kept: named by runs as long as the installation is the same."""

from __future__ import annotations

import pytest

from biomarker_cli.tables import certificates, installation
from biomarker_cli.tables.sealed_files import sealed


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("BIOMARKER_DATA_DIR", str(tmp_path / "data"))


def made(**more):
    content = {
        "format": certificates.FORMAT,
        "id": "abc",
        "verdict": certificates.PASSED,
        "installation": installation.this_installation(),
    }
    return sealed(content | more)


def test_without_a_certificate_none_is_in_force():
    assert certificates.kept_certificate() is None
    assert certificates.certificate_in_force() == ""


def test_a_certificate_that_is_kept_is_in_force():
    certificates.keep_certificate(made())
    assert certificates.certificate_in_force() == "abc"


@pytest.mark.parametrize(
    "changed",
    [
        {"software": {"biomarker": "0.0.1"}},
        {"platform": {"python": "3.12.0"}},
        {"processor": "another"},
        {"code_sha256": "0" * 64},
    ],
)
def test_another_installation_has_no_certificate(changed):
    kept = made(installation=installation.this_installation() | changed)
    certificates.keep_certificate(kept)
    assert certificates.certificate_in_force() == ""
    assert certificates.changes_since(kept)


def test_a_certificate_that_did_not_pass_is_not_in_force():
    certificates.keep_certificate(made(verdict=certificates.FAILED))
    assert certificates.certificate_in_force() == ""


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "biomarker-certificate/1"}'])
def test_a_damaged_certificate_is_none(content):
    path = certificates.keep_certificate(made())
    path.write_text(content)
    assert certificates.certificate_in_force() == ""


def test_one_that_was_edited_is_none():
    path = certificates.keep_certificate(made(verdict=certificates.FAILED))
    path.write_text(path.read_text().replace(certificates.FAILED, certificates.PASSED))
    assert certificates.kept_certificate() is None


@pytest.mark.parametrize("told", [None, "a text", []])
def test_an_installation_of_another_form_is_another_one(told):
    assert certificates.changes_since(made(installation=told))


def test_a_certificate_is_withdrawn():
    assert not certificates.withdraw_certificate()
    certificates.keep_certificate(made())
    assert certificates.withdraw_certificate()
    assert certificates.certificate_in_force() == ""


def test_a_folder_that_may_not_be_read_keeps_nothing(monkeypatch):
    certificates.keep_certificate(made())

    def refuse(path, file_format):
        raise PermissionError(13, "denied")

    monkeypatch.setattr(certificates, "read_sealed", refuse)
    assert certificates.certificate_in_force() == ""


def test_the_digest_is_of_everything_that_can_move_a_number(tmp_path):
    package = tmp_path / "biomarker_cli"
    (package / "room").mkdir(parents=True)
    (tmp_path / "protocols").mkdir()
    files = [
        package / "room" / "code.py",
        package / "kernel.so",
        package / "values.csv",
        tmp_path / "protocols" / "a.yaml",
    ]
    for path in files:
        path.write_text("1")
    before = installation.code_sha256(package)
    assert installation.code_sha256(package) == before
    for path in files:
        path.write_text("2")
        assert installation.code_sha256(package) != before, path
        path.write_text("1")
    (package / "note.txt").write_text("no number")
    assert installation.code_sha256(package) == before


def test_protocols_of_a_wheel_and_of_a_checkout_have_one_digest(tmp_path):
    found = []
    for name, place in (("wheel", "biomarker_cli/_protocols"), ("checkout", "protocols")):
        (tmp_path / name / "biomarker_cli").mkdir(parents=True)
        (tmp_path / name / place).mkdir(parents=True)
        (tmp_path / name / place / "a.yaml").write_text("1")
        found.append(installation.code_sha256(tmp_path / name / "biomarker_cli"))
    assert found[0] == found[1]


def test_the_processor_is_named(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nmodel name\t: A Chip @ 2 GHz\nflags\t: a\n")
    assert installation.processor(path) == "A Chip @ 2 GHz"
    assert installation.processor(tmp_path / "absent")
