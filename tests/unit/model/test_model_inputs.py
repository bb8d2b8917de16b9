"""Files are opened in one way: regular ones, whole or from their beginning."""

from __future__ import annotations

import os

import pytest

from biomarker_cli.model.inputs import (
    FileSignature,
    InputError,
    InputFiles,
    KnownFile,
    read_beginning,
    read_whole,
)


def test_a_file_is_read_whole_with_its_signature(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    assert read_whole(path) == (b"0123456789", FileSignature.of(path.stat()))


@pytest.mark.parametrize(("most", "expected"), [(0, b""), (4, b"0123"), (99, b"0123456789")])
def test_a_file_is_read_from_its_beginning(tmp_path, most, expected):
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    assert read_beginning(path, most) == expected


@pytest.mark.parametrize("read", [read_whole, lambda path: read_beginning(path, 10)])
def test_what_is_no_regular_file_is_refused_and_closed(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    held = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for path in (tmp_path / "pipe", tmp_path / "device", tmp_path):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.code == "FILE-NOT-REGULAR"
    assert len(os.listdir("/proc/self/fd")) == held  # noqa: PTH208
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing")


@pytest.mark.parametrize("is_read", [True, False])
def test_files_are_forgotten_beyond_so_many_whether_read_or_only_planned(tmp_path, is_read):
    paths = [tmp_path / f"{number}" for number in range(6)]
    inputs = InputFiles()
    for path in paths:
        path.write_bytes(b"content")
        inputs.known[path] = KnownFile(FileSignature.of(path.stat()))
        if is_read:
            inputs.content(path)
            inputs.let_go(path)
    inputs.content(paths[0])
    inputs.forget_beyond(6)
    assert set(inputs.known) == set(paths)
    inputs.forget_beyond(5)
    assert set(inputs.known) == set(inputs.read) == {paths[0]}
