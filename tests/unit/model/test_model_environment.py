"""A folder that a variable names is one, or is refused: the default would be silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomarker_cli.catalogue import pseudonyms
from biomarker_cli.catalogue.pseudonyms import cache_folder, user_key
from biomarker_cli.model.environment import named_folder
from biomarker_cli.model.errors import ConfigurationError
from biomarker_cli.tables.certificates import data_folder

FOLDERS = {"BIOMARKER_CACHE_DIR": cache_folder, "BIOMARKER_DATA_DIR": data_folder}


@pytest.fixture(params=FOLDERS)
def variable(request):
    return request.param


def test_a_variable_that_is_not_set_names_none(monkeypatch, variable):
    monkeypatch.delenv(variable, raising=False)
    assert named_folder(variable) is None
    assert FOLDERS[variable]().name == "biomarker"


@pytest.mark.parametrize("below", ["", "new", "new/deep"])
def test_a_folder_need_not_be_there(monkeypatch, tmp_path, variable, below):
    monkeypatch.setenv(variable, str(tmp_path / below))
    assert FOLDERS[variable]() == tmp_path / below
    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_is_one(monkeypatch, tmp_path, variable):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, "here/it")
    assert FOLDERS[variable]() == Path("here/it")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "is set and empty"),
        ("  ", "is set and empty"),
        ("~/cache", "begins with ~"),
        ("file", "no folder"),
        ("file/below", "no folder"),
        ("dangling", "no folder"),
    ],
)
def test_what_cannot_be_a_folder_is_refused(monkeypatch, tmp_path, variable, value, said):
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=said) as refused:
        FOLDERS[variable]()
    assert refused.value.code == "ENVIRONMENT-FOLDER"
    assert variable in refused.value.message


@pytest.fixture
def no_key_known():
    pseudonyms._secret.cache_clear()
    yield
    pseudonyms._secret.cache_clear()


@pytest.mark.usefixtures("no_key_known")
def test_a_named_folder_that_takes_no_key_is_refused(monkeypatch, tmp_path):
    # Of another length: cut short, or of another program.
    (tmp_path / "patient.key").write_bytes(b"short")
    monkeypatch.setenv("BIOMARKER_CACHE_DIR", str(tmp_path))
    with pytest.raises(ConfigurationError, match="takes none") as refused:
        user_key()
    assert refused.value.code == "ENVIRONMENT-FOLDER"


@pytest.mark.usefixtures("no_key_known")
def test_without_a_named_folder_a_process_has_a_key_of_its_own(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("BIOMARKER_CACHE_DIR")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: str(tmp_path / "file"))
    assert len(user_key()) == 32
    assert user_key() == user_key()
