"""Files below checked UIDs, and when one is whole."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RTStructureSetStorage,
)

from biomarker_cli.exchange.fetching.completeness import read_stored
from biomarker_cli.exchange.fetching.errors import RemoteError, SeriesRefusedError
from biomarker_cli.exchange.fetching.remote import RemoteSeries
from biomarker_cli.exchange.fetching.storing import SeriesStore
from biomarker_cli.exchange.uids import is_archive_uid
from tests.synthetic_pacs import content_of, pacs_of
from tests.synthetic_series import slice_dataset


def image(**changes: Any) -> Dataset:
    dataset = slice_dataset((0.0, 0.0, 0.0), np.ones((6, 4)))
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def in_syntax(uid: str, **changes: Any) -> Dataset:
    dataset = image(**changes)
    dataset.file_meta.TransferSyntaxUID = uid
    return dataset


def fault_of(content: bytes, folder: Path) -> str | None:
    path = folder / "x.dcm"
    path.write_bytes(content)
    found = read_stored(path)
    return None if found is None else found.fault


WHOLE: dict[str, Callable[[], Dataset]] = {
    "native": image,
    "implicit": lambda: in_syntax(ImplicitVRLittleEndian),
    "frames": lambda: image(NumberOfFrames=3, PixelData=bytes(3 * 48)),
    "colour": lambda: image(SamplesPerPixel=3, PlanarConfiguration=0, PixelData=bytes(3 * 48)),
    "halved": lambda: image(
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="YBR_FULL_422",
        BitsAllocated=8,
        PixelData=bytes(48),
    ),
    "one bit": lambda: image(BitsAllocated=1, Rows=3, Columns=3, PixelData=bytes(2)),
    "encapsulated": lambda: in_syntax(JPEGLSLossless, PixelData=encapsulate([b"ab" * 50])),
    "padded": lambda: image(PixelData=bytes(60)),
    "no image": lambda: _without(
        image(SOPClassUID=RTStructureSetStorage), "PixelData", "Rows", "Columns", "BitsAllocated"
    ),
    "elsewhere": lambda: _without(
        image(PixelDataProviderURL="http://pacs.example.org/jpip?1"), "PixelData"
    ),
    "deflated": lambda: in_syntax(DeflatedExplicitVRLittleEndian),
    "big endian": lambda: in_syntax(ExplicitVRBigEndian),
}


def _without(dataset: Dataset, *keywords: str) -> Dataset:
    for keyword in keywords:
        delattr(dataset, keyword)
    return dataset


def bytes_of(dataset: Dataset) -> bytes:
    if dataset.file_meta.TransferSyntaxUID == JPEGLSLossless:
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    elif "PixelData" in dataset:
        dataset["PixelData"].VR = "OW"
    return content_of(dataset)


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_with_all_its_pixels_is_whole(name: str, tmp_path: Path) -> None:
    assert fault_of(bytes_of(WHOLE[name]()), tmp_path) == ""


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "no image"])
def test_a_file_that_lacks_bytes_at_its_end_is_not(name: str, tmp_path: Path) -> None:
    content = bytes_of(WHOLE[name]())
    for n in (1, 2, 8, 20):
        assert fault_of(content[:-n], tmp_path) != "", n


@pytest.mark.parametrize("name", ["native", "encapsulated"])
def test_no_beginning_of_an_image_is_taken_for_one(name: str, tmp_path: Path) -> None:
    content = bytes_of(WHOLE[name]())
    path = tmp_path / "x.dcm"
    for n in range(0, len(content), 2):
        path.write_bytes(content[:n])
        found = read_stored(path)
        assert found is None or found.fault or not all(found.uids), n


@pytest.mark.parametrize(
    "dataset",
    [
        lambda: image(PixelData=bytes(46)),
        lambda: image(NumberOfFrames=2),
        # 18 bits are three bytes.
        lambda: image(BitsAllocated=1, Rows=3, Columns=6, PixelData=bytes(2)),
        lambda: _without(image(), "PixelData"),
        lambda: in_syntax(JPEGLSLossless, PixelData=encapsulate([])),
    ],
)
def test_pixel_data_that_are_short_by_their_header_are_named(
    dataset: Callable[[], Dataset], tmp_path: Path
) -> None:
    assert "pixel data" in (fault_of(bytes_of(dataset()), tmp_path) or "")


@pytest.fixture
def pacs_series() -> tuple[RemoteSeries, dict[str, bytes]]:
    (series, instances), *_ = pacs_of(n_series=1, n_instances=3).series.items()
    return series, dict(instances)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_an_object_of_another_series_is_not_taken_for_its_instance(
    keyword: str, pacs_series: tuple[RemoteSeries, dict[str, bytes]], tmp_path: Path
) -> None:
    series, instances = pacs_series
    uid, content = next(iter(instances.items()))
    dataset = dcmread(io.BytesIO(content))
    setattr(dataset, keyword, "1.2.3")
    store = SeriesStore(tmp_path, series, instances)
    store.receive([content_of(dataset)])
    assert (len(store.missing), store.n_dropped) == (3, 1)
    assert list(store.folder.iterdir()) == []
    # Nor where it lies there already, under the name of the instance.
    (store.folder / f"{uid}.dcm").write_bytes(content_of(dataset))
    assert uid in SeriesStore(tmp_path, series, instances).missing


def test_a_disk_that_is_full_leaves_no_half_file(
    pacs_series: tuple[RemoteSeries, dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    series, instances = pacs_series
    store = SeriesStore(tmp_path, series, instances)

    def full(path: str, flags: int, mode: int) -> int:
        return os.open("/dev/full", os.O_WRONLY)

    class FullDisk:
        def __getattr__(self, name: str) -> Any:
            return full if name == "open" else getattr(os, name)

    monkeypatch.setattr("biomarker_cli.exchange.fetching.storing.os", FullDisk())
    with pytest.raises(OSError, match="No space left"):
        store.receive([next(iter(instances.values()))])
    assert not list(tmp_path.rglob("*.*m"))


def test_what_a_killed_fetch_left_half_is_taken_away_and_nothing_else(
    pacs_series: tuple[RemoteSeries, dict[str, bytes]], tmp_path: Path
) -> None:
    series, instances = pacs_series
    folder = tmp_path / series.study_uid / series.series_uid
    folder.mkdir(parents=True)
    # A folder of such a name, and a part that is given its name in between, end nothing.
    (folder / ".instance.22ff.part").mkdir()
    os.utime(folder / ".instance.22ff.part", (0, 0))
    names = (".instance.00ff.part", ".instance.11ff.part", ".other.00ff.part", "notes.txt")
    for name in names:
        (folder / name).write_text("x")
        os.utime(folder / name, (0, 0))
    os.utime(folder / names[1])
    store = SeriesStore(tmp_path, series, instances)
    assert {path.name for path in folder.iterdir()} == {*names, ".instance.22ff.part"}
    store.tidy()
    assert {path.name for path in folder.iterdir()} == {*names[1:], ".instance.22ff.part"}


def test_a_part_that_gets_its_name_meanwhile_ends_no_other_fetch(
    pacs_series: tuple[RemoteSeries, dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    series, instances = pacs_series
    folder = tmp_path / series.study_uid / series.series_uid
    listed = [folder / ".instance.00ff.part"]
    monkeypatch.setattr(Path, "glob", lambda *_: iter(listed))
    store = SeriesStore(tmp_path, series, instances)
    store.tidy()
    assert store.missing == set(instances)


def test_fragments_without_end_are_not_counted_to_their_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("biomarker_cli.exchange.fetching.completeness._MOST_FRAGMENTS", 5)
    many = bytes_of(in_syntax(JPEGLSLossless, PixelData=encapsulate([b"ab"] * 10)))
    assert fault_of(many, tmp_path) == "the fragments of pixel data do not end"


@pytest.mark.parametrize("content", [b"", b"no file", next(pacs_of(seed=9).contents())])
def test_useless_objects_without_end_are_not_taken_for_ever(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("biomarker_cli.exchange.fetching.storing.USELESS_AT_LEAST", 5)
    store = SeriesStore(tmp_path, RemoteSeries("1.2", "1.3"), ["1.4"])
    for _ in range(5 + 10):
        store.receive([content])
    with pytest.raises(SeriesRefusedError) as raised:
        store.receive([content])
    assert raised.value.code == "FETCH-ANSWER"


def test_an_object_beyond_all_bounds_is_given_up(
    pacs_series: tuple[RemoteSeries, dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    series, instances = pacs_series
    monkeypatch.setattr("biomarker_cli.exchange.fetching.storing.MOST_BYTES", 100)
    store = SeriesStore(tmp_path, series, instances)
    with pytest.raises(SeriesRefusedError) as raised:
        store.receive([bytes(60), bytes(60)])
    assert raised.value.code == "FETCH-SIZE"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("level", ["study", "series", "instance"])
@pytest.mark.parametrize("what", ["link", "other"])
def test_nothing_is_written_through_what_stands_in_the_way(
    level: str, what: str, pacs_series: tuple[RemoteSeries, dict[str, bytes]], tmp_path: Path
) -> None:
    series, instances = pacs_series
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    output = tmp_path / "out"
    uid = next(iter(instances))
    path = {
        "study": output / series.study_uid,
        "series": output / series.study_uid / series.series_uid,
        "instance": output / series.study_uid / series.series_uid / f"{uid}.dcm",
    }[level]
    path.parent.mkdir(parents=True)
    if what == "link":
        path.symlink_to(elsewhere)
    elif level == "instance":
        path.mkdir()
    else:
        path.write_text("")
    with pytest.raises(SeriesRefusedError) as raised:
        SeriesStore(output, series, instances)
    assert raised.value.code == "FETCH-PLACE"
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("uid", ["..", "1/2", "", "1\n", "1" * 65, "1.2\x00", "١.٢", "."])
def test_what_is_no_uid_names_nothing(uid: str, tmp_path: Path) -> None:
    assert not is_archive_uid(uid)
    for series, expected in (
        (RemoteSeries(uid, "1.2"), ["1.3"]),
        (RemoteSeries("1.2", uid), ["1.3"]),
        (RemoteSeries("1.2", "1.3"), [uid]),
    ):
        with pytest.raises(RemoteError) as raised:
            SeriesStore(tmp_path, series, expected)
        assert raised.value.code == "FETCH-UID"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "absent", "fault"),
    [
        ({"SOPClassUID": ["1.2", "1.3"]}, ("Rows", "PixelData"), ""),
        ({"PhotometricInterpretation": ["RGB", "MONOCHROME2"]}, (), ""),
        ({"PhotometricInterpretation": ["RGB", "MONOCHROME2"], "NumberOfFrames": 2}, (), "48 of"),
        ({"Rows": [6, 6]}, (), "without its size"),
    ],
)
def test_several_values_where_one_belongs_end_no_fetch(
    changes: dict[str, Any], absent: tuple[str, ...], fault: str, tmp_path: Path
) -> None:
    said = fault_of(content_of(_without(image(**changes), *absent)), tmp_path)
    assert said is not None
    assert fault in said
