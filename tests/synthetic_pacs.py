"""What a PACS holds, in memory: Part 10 files by series and instance."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from biomarker_cli.exchange.fetching.remote import RemoteSeries
from tests.synthetic_series import slice_dataset, uid

DATE = "20240115"


@dataclass(frozen=True)
class Pacs:
    """Bytes of each file, by series and SOPInstanceUID."""

    series: Mapping[RemoteSeries, Mapping[str, bytes]]
    patient_id: str = "P1"

    def contents(self) -> Iterator[bytes]:
        """Yield every file."""
        for instances in self.series.values():
            yield from instances.values()


def content_of(dataset: Dataset) -> bytes:
    """Return the bytes of a data set as a Part 10 file."""
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def pacs_of(n_series: int = 2, n_instances: int = 4, seed: int = 0, rows: int = 8) -> Pacs:
    """Return a PACS with one study of CT series."""
    random = np.random.default_rng(seed)
    found: dict[RemoteSeries, dict[str, bytes]] = {}
    for n in range(n_series):
        name = f"{seed}-{n}"
        instances = {}
        for number in range(1, n_instances + 1):
            pixels = random.integers(0, 2000, (rows, rows))
            dataset = slice_dataset((0.0, 0.0, 3.0 * number), pixels, series=name, number=number)
            dataset.StudyDate = DATE
            dataset.Rows = dataset.Columns = rows
            instances[str(dataset.SOPInstanceUID)] = content_of(dataset)
        found[RemoteSeries(uid("study"), uid("series", name), "CT")] = instances
    return Pacs(found)
