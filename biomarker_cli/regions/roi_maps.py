"""A file that holds a ROI map: that of a study, or one of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import problems_text
from biomarker_cli.protocol.yaml_source import read_yaml, require_format
from biomarker_cli.regions.errors import RoiMapError
from biomarker_cli.regions.rules import RoiNames

FORMAT = "biomarker-roi-map/1"

_STUDY_FORMAT = "biomarker-study/1"


class RoiMapFile(Strict):
    """A file ``biomarker-roi-map/1``."""

    format: Literal["biomarker-roi-map/1"]
    rois: RoiNames


def load_roi_map(path: Path) -> RoiNames:
    """Read a ROI map.

    Parameters
    ----------
    path : Path
        A file of its own, or the ``study.yaml`` that has it under ``rois``.

    Raises
    ------
    RoiMapError
        ``ROI-MAP-INVALID`` with the line and the key that is wrong.
    """
    try:
        data, lines = read_yaml(path)
        if data.get("format") == _STUDY_FORMAT:
            data = _of_study(data)
        else:
            require_format(data, lines, path, FORMAT, "ROI-MAP-INVALID")
        return RoiMapFile.model_validate(data).rois
    except ProtocolError as error:
        raise RoiMapError(
            "ROI-MAP-INVALID", error.message, where=error.where, hint=error.hint
        ) from error
    except ValidationError as error:
        raise RoiMapError(
            "ROI-MAP-INVALID", problems_text(error, lines), where=path.name
        ) from error


def _of_study(data: dict[str, Any]) -> dict[str, Any]:
    """Return the map of a study file; what else is wrong with it is asked by a run."""
    return {"format": FORMAT} | ({"rois": data["rois"]} if data.get("rois") is not None else {})
