"""The table of registrations: its columns, and its rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.flags import join_flags
from biomarker_cli.registration.checks import VERDICTS, told
from biomarker_cli.registration.itk_images import THREADS
from biomarker_cli.registration.pairs import header_word, modality_of
from biomarker_cli.registration.registering import Registration
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

REGISTRATION_TABLE = "registration"
TRANSFORM_FILE = "transform.tfm"
FIELD_FILE = "displacement.nii.gz"
OBJECT_FILE = "transform.dcm"
PICTURE_FILE = "overlay.png"
RESAMPLED_FILE = "moving_on_fixed.nii.gz"

FILES = (
    f"{REGISTRATION_TABLE}.csv",
    TRANSFORM_FILE,
    FIELD_FILE,
    OBJECT_FILE,
    PICTURE_FILE,
    RESAMPLED_FILE,
)
"""All that a registration may write."""

REGISTRATION = Table(
    REGISTRATION_TABLE,
    "registration x ROI; the row without a ROI is that of the whole body",
    (
        Column("registration_id", "string", "protocol and digest of it and of both images"),
        Column("roi_id", "string", "region of the fixed image; empty for points of the body"),
        Column("fixed_series_uid", "string", "SeriesInstanceUID of the fixed image"),
        Column("moving_series_uid", "string", "SeriesInstanceUID of the moving image"),
        Column("fixed_modality", "string", "DICOM modality of the fixed image"),
        Column("moving_modality", "string", "DICOM modality of the moving image"),
        Column("same_frame", "boolean", "whether both headers name one FrameOfReferenceUID"),
        Column("protocol_id", "string", "registration protocol, id@version"),
        Column("protocol_sha256", "string", "digest of the protocol"),
        Column("engine", "string", "program that aligned; empty for the header geometry"),
        Column("engine_version", "string", "its version"),
        Column("transform", "string", "kind of transform", ("none", "rigid", "demons", "given")),
        Column("transform_file", "string", "file of the transform, fixed point to moving point"),
        Column(
            "matrix",
            "string",
            "fixed point to moving point, LPS mm, three rows of four; before any field",
        ),
        Column("metric", "string", "what the optimiser makes smaller"),
        Column("levels", "string", "shrink:smoothing in mm of each resolution, joined by ;"),
        Column("sampled_points", "integer", "points of a level that the metric is computed at"),
        Column("seed", "integer", "seed of the sampling"),
        Column("threads", "integer", "threads of the engine"),
        Column("field_levels", "string", "voxel in mm:iterations of each level of the demons"),
        Column("start", "string", "transform that it began with"),
        Column("metric_start", "number", "metric at the start, of this pair alone"),
        Column("metric_final", "number", "metric at the end"),
        Column("iterations", "integer", "iterations at the finest resolution"),
        Column(
            "stop_reason",
            "string",
            "why the optimiser stopped",
            ("", "step", "gradient", "iterations", "other"),
        ),
        Column("rotation_deg", "number", "angle of the rotation"),
        Column("similarity", "number", "correlation of both images in the body, coarse voxels"),
        Column("mirror_gain", "number", "part of the metric gained by exchanging left and right"),
        Column("restart_gain", "number", "similarity that the best of the other answers gains"),
        Column("deformed_similarity", "number", "the same as similarity, after the demons"),
        Column("overlap_percent", "number", "points that the moving image shows"),
        Column("displacement_mm", "number", "movement of the centre from the header geometry"),
        Column("restart_spread_mm", "number", "largest distance of the answers of moved starts"),
        Column(
            "inverse_consistency_mm",
            "number",
            "largest distance of a point from itself, there and back",
        ),
        Column(
            "deformed_inverse_mm",
            "number",
            "distance of 95 % of the points from themselves, there by the field and back by that "
            "which was found the other way",
        ),
        Column("folded_percent", "number", "voxels where the field folds; of all for the body"),
        Column("jacobian_min", "number", "volume of the part that shrinks most, there by here"),
        Column("jacobian_max", "number", "volume of the part that grows most, there by here"),
        Column("status", "string", "the worst of the checks", VERDICTS),
        Column("checks", "string", "name:verdict of the checks that are not ok, joined by ;"),
        Column("flags", "string", "what to know, sorted, joined by ;"),
    ),
    ("registration_id", "roi_id"),
)


def registration_rows(
    registration: Registration, fixed: Volume, moving: Volume
) -> list[dict[str, Any]]:
    """Return a row for the body and one for each region.

    Parameters
    ----------
    registration : Registration
    fixed, moving : Volume
        The images that it is of.
    """
    head = _head(registration, fixed, moving)
    return [
        head
        | {
            "roi_id": one.roi_id,
            "overlap_percent": one.overlap_percent,
            "displacement_mm": one.displacement_mm,
            "restart_spread_mm": one.restart_spread_mm,
            "inverse_consistency_mm": one.inverse_consistency_mm,
            **(asdict(one.deformed) if one.deformed is not None else {}),
            "status": one.status,
            "checks": told(one.verdicts),
        }
        for one in registration.rois
    ]


def _head(registration: Registration, fixed: Volume, moving: Volume) -> dict[str, Any]:
    protocol = registration.protocol
    draft = {"draft_protocol"} if protocol.document.is_draft else set()
    return {
        "registration_id": registration.registration_id,
        "fixed_series_uid": header_word(fixed, "SeriesInstanceUID"),
        "moving_series_uid": header_word(moving, "SeriesInstanceUID"),
        "fixed_modality": modality_of(fixed),
        "moving_modality": modality_of(moving),
        "same_frame": registration.same_frame,
        "protocol_id": protocol.ident,
        "protocol_sha256": protocol.document.sha256,
        "transform": kind_of(registration),
        "transform_file": TRANSFORM_FILE if registration.deformation is None else FIELD_FILE,
        "matrix": matrix_cell(registration.matrix),
        "rotation_deg": registration.rotation_deg,
        "similarity": registration.similarity,
        "mirror_gain": registration.mirror_gain,
        "restart_gain": registration.restart_gain,
        "flags": join_flags(frozenset(fixed.flags | moving.flags | draft)),
        **_engine(registration),
    }


def matrix_cell(matrix: FloatArray) -> str:
    """Return a transform as tables have it: three rows of four, every digit."""
    return " ".join(repr(float(value)) for value in matrix[:3].ravel())


def kind_of(registration: Registration) -> str:
    """Return the kind of the transform that was found, or taken."""
    if registration.is_given:
        return "given"
    if registration.protocol.file.demons is not None and registration.deformation is None:
        return "rigid"
    return registration.protocol.file.transform


def _engine(registration: Registration) -> dict[str, Any]:
    """Return what the engine was told, and how it ended; nothing where there was none."""
    rules, found = registration.protocol.file.rigid, registration.alignment
    if rules is None or found is None:
        return {}
    import SimpleITK

    return {
        "engine": "SimpleITK",
        "engine_version": SimpleITK.Version_VersionString(),
        "metric": f"{rules.metric.name}:{rules.metric.bins}",
        "levels": ";".join(f"{one.shrink}:{one.smoothing_mm:g}" for one in rules.levels),
        "sampled_points": rules.sampling.points,
        "seed": rules.sampling.seed,
        "threads": THREADS,
        **_field(registration),
        "start": rules.start,
        "metric_start": registration.metric_start,
        "metric_final": registration.metric_final,
        "iterations": found.n_iterations,
        "stop_reason": found.stop_reason,
    }


def _field(registration: Registration) -> dict[str, Any]:
    demons, found = registration.protocol.file.demons, registration.deformation
    if demons is None or found is None:
        return {}
    levels = ";".join(f"{one.voxel_mm:g}:{one.iterations}" for one in demons.levels)
    return {"field_levels": levels, "deformed_similarity": found.similarity}
