"""Quantitative imaging biomarkers from DICOM, comparable between centres.

``import biomarker_cli as bm`` offers the names in ``__all__``, each loaded when it is asked
for; docs/python.md shows them. All else is private and may change with any version.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from biomarker_cli.api.checking import check
    from biomarker_cli.api.images import read_regions, read_volume, scan, suv_factor
    from biomarker_cli.api.measuring import measure
    from biomarker_cli.api.studies import load_study, read_results, run

_ROOM_OF = {
    "check": "checking",
    "load_study": "studies",
    "measure": "measuring",
    "read_regions": "images",
    "read_results": "studies",
    "read_volume": "images",
    "run": "studies",
    "scan": "images",
    "suv_factor": "images",
}

__all__ = [
    "check",
    "load_study",
    "measure",
    "read_regions",
    "read_results",
    "read_volume",
    "run",
    "scan",
    "suv_factor",
]


def __getattr__(name: str) -> Any:
    """Return a public function; its module is loaded with it (PEP 562)."""
    module = _ROOM_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"biomarker_cli.api.{module}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
