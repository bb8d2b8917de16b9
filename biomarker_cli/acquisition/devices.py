"""Scanners in tables: recognisable within a study, and named nowhere else.

Station names and serial numbers lead to a hospital. What leaves holds keyed digests
of them; rules judge what the header says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from biomarker_cli.acquisition.facts import FACTS
from biomarker_cli.acquisition.formatting import values_text
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.dicom.identity import pseudonym

_DEVICE_FACTS = ("device_serial", "station")
_PREFIX = "key:"


class DeviceNames:
    """What stands in rows for the scanners of some series.

    Parameters
    ----------
    key : bytes or None
        Of the study; None leaves the names as they are.
    series : iterable of SeriesHeaders
    """

    def __init__(self, key: bytes | None, series: Iterable[SeriesHeaders]) -> None:
        readings = [
            definition.read(one)
            for one in series
            for definition in map(FACTS.get, _DEVICE_FACTS)
            if key is not None and definition is not None
        ]
        self._tags = {tag for reading in readings for tag in reading.tags}
        said = {values_text((value,)) for reading in readings for value in reading.values} - {""}
        # Longer ones first: a name may be part of another.
        self._digests = {
            text: _PREFIX + pseudonym(key or b"", text)
            for text in sorted(said, key=lambda text: (-len(text), text))
        }

    def veiled(self, text: str, tags: str) -> str:
        """Return a cell of facts or checks with digests for the names of scanners.

        Parameters
        ----------
        text : str
        tags : str
            Elements that its row was read from, joined by ``;``.
        """
        return text if self._tags.isdisjoint(tags.split(";")) else self._replaced(text)

    def veiled_values(self, values: Any, tags: Iterable[str]) -> Any:
        """Return values of a fact, which may be nested, with digests for names of scanners."""
        if self._tags.isdisjoint(tags):
            return values
        if isinstance(values, tuple):
            return tuple(self.veiled_values(value, tags) for value in values)
        return self._replaced(values) if isinstance(values, str) else values

    def _replaced(self, text: str) -> str:
        done = ""
        while text:
            name = next((name for name in self._digests if text.startswith(name)), None)
            done += text[0] if name is None else self._digests[name]
            text = text[1 if name is None else len(name) :]
        return done
