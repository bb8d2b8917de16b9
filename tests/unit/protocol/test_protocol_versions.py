"""Versions and ranges: which one a protocol that names another gets."""

from __future__ import annotations

import pytest

from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.locator import ProtocolKind, closest, locate, shipped_versions
from biomarker_cli.protocol.versions import Version, in_range


def test_versions_are_ordered_by_their_numbers_not_by_their_text():
    texts = ["0.2.0", "0.10.0", "1.0.0", "1.0.2", "1.0.10", "1.2.0", "10.0.0"]
    versions = [Version.parse(text) for text in texts]
    assert sorted([versions[k] for k in (3, 1, 6, 0, 5, 2, 4)]) == versions
    assert [str(version) for version in versions] == texts


@pytest.mark.parametrize(
    "text", ["", "1", "1.0", "1.0.0.0", "v1.0.0", "1.0.x", "1.0.0-a", "-1.0.0", " 1.0.0"]
)
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match="expected a version"):
        Version.parse(text)


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        ("1.2.3", ["1.2.3"], ["1.2.2", "1.2.4", "1.3.0"]),
        ("^1.2.3", ["1.2.3", "1.2.4", "1.3.0"], ["1.2.2", "1.1.9", "2.0.0"]),
        ("^1.2", ["1.2.0", "1.9.9"], ["1.1.9", "2.0.0"]),
        ("^1", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]),
        ("^0.2.1", ["0.2.1", "0.2.9"], ["0.2.0", "0.3.0", "1.2.1"]),
        ("^0.2", ["0.2.0", "0.2.9"], ["0.1.9", "0.3.0"]),
    ],
)
def test_a_caret_keeps_the_leftmost_number_that_is_not_zero(wanted, inside, outside):
    assert [text for text in inside + outside if in_range(Version.parse(text), wanted)] == inside


def test_a_range_that_is_none_is_refused():
    with pytest.raises(ValueError, match="expected a version"):
        in_range(Version(1, 0, 0), "~1.0")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Ship versions of a protocol with the status of each."""

    def ship(**statuses: str) -> None:
        folder = tmp_path / "acquisition" / "site"
        folder.mkdir(parents=True)
        for name, status in statuses.items():
            text = f"format: biomarker-acquisition/1\nstatus: {status}\n"
            (folder / f"{name[1:].replace('_', '.')}.yaml").write_text(text)
        monkeypatch.setattr("biomarker_cli.protocol.locator.protocol_root", lambda: tmp_path)

    return ship


def found(wanted: str) -> str:
    return locate(ProtocolKind.ACQUISITION, wanted).stem


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({"v1_0_0": "active", "v1_1_0": "active", "v2_0_0": "draft"}, "1.1.0"),
        ({"v1_9_0": "active", "v1_10_0": "active"}, "1.10.0"),
        ({"v0_1_0": "draft", "v0_2_0": "draft", "v0_3_0": "retired"}, "0.2.0"),
        ({"v1_0_0": "retired", "v1_1_0": "retired"}, "1.1.0"),
    ],
)
def test_an_id_alone_means_the_newest_active_version_else_the_newest_draft(
    shipped, statuses, expected
):
    shipped(**statuses)
    assert found("site") == expected


def test_a_version_or_a_range_is_found_whatever_its_status(shipped):
    shipped(v1_0_0="active", v1_2_0="draft", v2_0_0="active")
    assert found("site@1.0.0") == "1.0.0"
    assert found("site@^1.0") == "1.2.0"
    assert [str(v) for v in shipped_versions(ProtocolKind.ACQUISITION, "site")] == [
        "1.0.0",
        "1.2.0",
        "2.0.0",
    ]


@pytest.mark.parametrize("wanted", ["site@3.0.0", "site@latest", "sote", "../site", "none.yaml"])
def test_what_is_not_there_is_refused_with_what_is(shipped, wanted):
    shipped(v1_0_0="active")
    with pytest.raises(ProtocolError) as caught:
        found(wanted)
    assert caught.value.code == "PROTOCOL-NOT-FOUND"
    assert caught.value.hint


@pytest.mark.parametrize("kind", list(ProtocolKind))
def test_an_id_of_the_other_kind_is_told(kind):
    other, ident = {
        "acquisition": ("an analysis", "radiomics-ct"),
        "analysis": ("an acquisition", "recist-ct"),
        "response": ("an acquisition", "recist-ct"),
        "registration": ("an acquisition", "recist-ct"),
    }[kind.value]
    with pytest.raises(ProtocolError, match=f"is {other} protocol") as caught:
        locate(kind, ident)
    assert caught.value.code == "PROTOCOL-NOT-FOUND"


def test_the_likeliest_name_comes_first():
    known = ["recist-ct", "base-ct", "base-mr", "radiomics-ct"]
    assert closest("base", known) == ["base-ct", "base-mr"]
    assert closest("RECIST", known) == ["recist-ct"]
    assert closest("recits-ct", known)[0] == "recist-ct"
    assert closest("", known) == []
