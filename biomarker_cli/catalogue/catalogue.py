"""Catalogue: the volumes, segmentations and refused files below some paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.catalogue.candidate import FrameRef, VolumeCandidate, VolumeStatus
from biomarker_cli.catalogue.errors import SeriesError
from biomarker_cli.catalogue.files import find_files
from biomarker_cli.catalogue.instances import Instance, Plane, describe_instance
from biomarker_cli.catalogue.kinds import image_kind
from biomarker_cli.catalogue.splitting import PlaneGroup, split_planes
from biomarker_cli.catalogue.stacking import stack
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.headers import read_header

Progress = Callable[[int, int], None]

JITTER_WORTH_A_FLAG_MM = 1e-3


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What lies below some paths.

    Attributes
    ----------
    candidates : tuple of VolumeCandidate
        Sorted by study, series and volume.
    """

    candidates: tuple[VolumeCandidate, ...]

    @property
    def volumes(self) -> tuple[VolumeCandidate, ...]:
        """Image volumes, refused ones included."""
        return tuple(c for c in self.candidates if c.is_image)

    def matching(self, wanted: str) -> tuple[VolumeCandidate, ...]:
        """Return the image volumes with this volume id or series UID."""
        return tuple(c for c in self.volumes if wanted in {c.volume_id, c.series_uid})


def scan(paths: Iterable[Path], progress: Progress | None = None) -> Catalogue:
    """Index the files below some paths and group them into volumes.

    Parameters
    ----------
    paths : iterable of Path
        Files or folders.
    progress : callable, optional
        Called with the number of files done and in all.

    Raises
    ------
    InputNotFoundError
        Where a path does not exist.
    """
    files = find_files(paths)
    by_series: dict[tuple[str, str], list[Instance]] = defaultdict(list)
    others: list[VolumeCandidate] = []
    for done, path in enumerate(files, start=1):
        try:
            instance = describe_instance(path, read_header(path))
            by_series[instance.study_uid, instance.series_uid].append(instance)
        except HeaderError as error:
            others.append(_refused_file(path, error))
        if progress is not None:
            progress(done, len(files))
    candidates = [c for _, found in sorted(by_series.items()) for c in _series_candidates(found)]
    return Catalogue(tuple(candidates + others))


def _series_candidates(instances: list[Instance]) -> list[VolumeCandidate]:
    images: dict[tuple[int, int], list[Instance]] = defaultdict(list)
    found: list[VolumeCandidate] = []
    for instance in sorted(instances, key=lambda i: (i.sop_instance_uid, str(i.path))):
        if instance.planes:
            images[instance.rows, instance.columns].append(instance)
        else:
            found.append(_other_object(instance))
    groups = [
        (members, group)
        for _, members in sorted(images.items())
        for group in split_planes([plane for i in members for plane in i.planes])
    ]
    for number, (members, group) in enumerate(groups, start=1):
        suffix = f"#{number}" if len(groups) > 1 else ""
        found.append(_volume_candidate(members, group, suffix))
    return found


def _volume_candidate(instances: list[Instance], group: PlaneGroup, suffix: str) -> VolumeCandidate:
    first = instances[0]
    planes = group.planes
    geometry, error, flags = None, None, frozenset[str]()
    try:
        _require_no_defect(instances)
        planes, geometry, jitter = stack(planes, first.rows, first.columns)
        if jitter > JITTER_WORTH_A_FLAG_MM:
            flags = frozenset({"spacing_jitter"})
    except SeriesError as caught:
        error = caught
    return VolumeCandidate(
        volume_id=first.series_uid + suffix,
        study_uid=first.study_uid,
        series_uid=first.series_uid,
        frame_of_reference_uid=first.frame_of_reference_uid,
        patient_keys=tuple(sorted({i.patient_key for i in instances})),
        modality=first.modality,
        kind=image_kind(_image_type(planes[0], first)),
        description=first.description,
        split_by=";".join(group.split_by),
        n_files=len({plane.ref.path for plane in planes}),
        n_frames=len(planes),
        rows=first.rows,
        columns=first.columns,
        refs=tuple(plane.ref for plane in planes),
        geometry=geometry,
        status=VolumeStatus.OK if error is None else VolumeStatus.REFUSED,
        error_code=error.code if error else "",
        error_message=str(error) if error else "",
        flags=flags,
    )


def _require_no_defect(instances: list[Instance]) -> None:
    for instance in instances:
        if instance.defect is not None:
            raise SeriesError(
                instance.defect.code,
                instance.defect.message,
                where=instance.path.name,
                hint=instance.defect.hint,
            )


def _image_type(plane: Plane, instance: Instance) -> tuple[str, ...]:
    return plane.image_type or instance.image_type


def _other_object(instance: Instance) -> VolumeCandidate:
    kind = instance.segmentation_kind
    return VolumeCandidate(
        volume_id=instance.series_uid,
        study_uid=instance.study_uid,
        series_uid=instance.series_uid,
        frame_of_reference_uid=instance.frame_of_reference_uid,
        patient_keys=(instance.patient_key,),
        modality=instance.modality,
        kind=kind or "other",
        description=instance.description,
        split_by="",
        n_files=1,
        n_frames=0,
        rows=instance.rows,
        columns=instance.columns,
        refs=(FrameRef(instance.path, 0, instance.sop_instance_uid),),
        geometry=None,
        status=VolumeStatus.SKIPPED,
        error_code="OBJECT-SEGMENTATION" if kind else "OBJECT-NO-IMAGE",
        error_message=(
            "a segmentation: name it as the mask of an image" if kind else "no pixel data"
        ),
    )


def _refused_file(path: Path, error: HeaderError) -> VolumeCandidate:
    return VolumeCandidate(
        volume_id="",
        study_uid="",
        series_uid="",
        frame_of_reference_uid="",
        patient_keys=(),
        modality="",
        kind="other",
        description="",
        split_by="",
        n_files=1,
        n_frames=0,
        rows=0,
        columns=0,
        refs=(FrameRef(path, 0, ""),),
        geometry=None,
        status=VolumeStatus.SKIPPED,
        error_code=error.code,
        error_message=str(error),
    )
