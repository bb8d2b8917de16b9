"""The data dictionary of pydicom, without the rest of pydicom.

Importing that package loads its decoders, and a scan of plain files looks into none of
them: half of the time that a scan takes to begin. The tables are the very ones that
pydicom has.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

_NAME = "pydicom._dicom_dict"


def _tables() -> ModuleType:
    """Return the module of the tables: loaded by its file where pydicom has not been."""
    if "pydicom" not in sys.modules:
        # The package is found, not run.
        package = find_spec("pydicom")
        for folder in (package and package.submodule_search_locations) or ():
            spec = spec_from_file_location(_NAME, Path(folder) / "_dicom_dict.py")
            if spec is not None and spec.loader is not None:
                module = module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    from pydicom import _dicom_dict

    return _dicom_dict


_ENTRIES: dict[int, tuple[str, str, str, str, str]] = _tables().DicomDictionary

TAGS: dict[str, int] = {entry[4]: tag for tag, entry in _ENTRIES.items()}
"""Tag by keyword."""

SEQUENCES = frozenset(tag for tag, entry in _ENTRIES.items() if entry[0] == "SQ")
"""Tags of the elements that hold items."""


def vr_in_dictionary(tag: int) -> str:
    """Return the VR of a tag.

    Raises
    ------
    KeyError
        Where the dictionary has none.
    """
    entry = _ENTRIES.get(tag)
    if entry is not None:
        return entry[0]
    if tag & 0x10000:
        raise KeyError(tag)
    # One of a repeating group, such as an overlay, or none at all.
    from pydicom.datadict import dictionary_VR

    return dictionary_VR(tag)
