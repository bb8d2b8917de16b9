"""Register two images: the transform, and every figure that says whether to believe it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.alignment import Alignment, resolutions_of
from biomarker_cli.registration.anatomy import (
    distances_mm,
    largest_spread_mm,
    overlap_percent,
    region_points_mm,
    transformed,
)
from biomarker_cli.registration.checks import Verdict, verdict_of, worst
from biomarker_cli.registration.deformable.fields import Way
from biomarker_cli.registration.deformable.stage import (
    Deformation,
    DeformedFigures,
    deformation_of,
    figures_of,
)
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.further_answers import (
    ImagePair,
    gain_of_mirror,
    gain_of_others,
    moved_answers,
)
from biomarker_cli.registration.itk_images import image_of
from biomarker_cli.registration.likeness import CoarsePair
from biomarker_cli.registration.linear_parts import inverse_of
from biomarker_cli.registration.pairs import (
    may_be_one_patient,
    require_fitting,
    require_usable,
    same_frame_of,
)
from biomarker_cli.registration.rules import Checks, RegistrationProtocol

_GAINS = ("mirror_gain", "restart_gain")


@dataclass(frozen=True, eq=False)
class RoiFigures:
    """Figures at the points of a region; `roi_id` is empty for those of the body."""

    roi_id: str
    overlap_percent: float
    displacement_mm: float
    restart_spread_mm: float | None
    inverse_consistency_mm: float | None
    deformed: DeformedFigures | None = None
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    @property
    def status(self) -> Verdict:
        """The worst of its verdicts."""
        return worst(self.verdicts.values())


@dataclass(frozen=True, eq=False)
class Registration:
    """Two images, the transform between them, and what speaks for it.

    Attributes
    ----------
    registration_id : str
        Of both images and the protocol: the same where they are.
    protocol : RegistrationProtocol
    same_frame : bool
        Whether both headers claim one frame of reference.
    same_patient : bool
        False where both headers name a patient, and not one.
    matrix : ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm; of the rigid stage where there is a deformation.
    similarity : float or None
        None where the protocol has no limit for it.
    alignment : Alignment or None
        None where the header geometry or a given transform was taken.
    is_given : bool
        Whether the transform was made elsewhere.
    metric_start, metric_final : float or None
        Smaller is more alike, of this pair alone; None where nothing was aligned.
    mirror_gain, restart_gain : float or None
        Part of the metric that an exchange of left and right gains, and similarity that the
        best of the other answers gains; None where the protocol has no limit for it, or
        nothing was aligned.
    deformation : Deformation or None
        None where the protocol has none, or the rigid stage failed.
    rois : tuple of RoiFigures
    """

    registration_id: str
    protocol: RegistrationProtocol
    same_frame: bool
    same_patient: bool
    matrix: FloatArray
    similarity: float | None
    alignment: Alignment | None = None
    is_given: bool = False
    metric_start: float | None = None
    metric_final: float | None = None
    mirror_gain: float | None = None
    restart_gain: float | None = None
    deformation: Deformation | None = None
    rois: tuple[RoiFigures, ...] = ()

    @property
    def way(self) -> Way:
        """Fixed point to moving point: the field, or the matrix where there is none."""
        return self.matrix if self.deformation is None else self.deformation.field

    @property
    def rotation_deg(self) -> float:
        """The angle of its rotation."""
        return rotation_deg(self.matrix)

    @property
    def status(self) -> Verdict:
        """The worst of its regions."""
        return worst(one.status for one in self.rois)


def register(
    fixed: Volume,
    moving: Volume,
    protocol: RegistrationProtocol,
    regions: Sequence[Region] = (),
    given: FloatArray | None = None,
) -> Registration:
    """Register two images of a subject.

    Parameters
    ----------
    fixed, moving : Volume
    protocol : RegistrationProtocol
    regions : sequence of Region
        On the grid of the fixed image; figures are computed at their points, and at points
        of the body.
    given : ndarray, shape (4, 4), optional
        A transform that is judged instead of one that is found: what needs further
        alignments is then not asked.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-MODALITIES``, ``REGISTRATION-CONSTANT``, ``REGISTRATION-NO-OVERLAP``,
        ``REGISTRATION-FRAMES`` where the headers say nothing of a common space and no
        registration is asked for, ``REGISTRATION-GIVEN``, ``REGISTRATION-NO-RESULT``.
    """
    same_frame = same_frame_of(fixed, moving)
    require_fitting(fixed, moving, protocol, given, same_frame=same_frame)
    require_usable(fixed, moving, None if given is not None else protocol.file.rigid)
    images = image_of(fixed), image_of(moving)
    coarse = CoarsePair.of(*images)
    places = {"": coarse.body_points_mm()} | {
        one.name: region_points_mm(one) for one in regions if one.n_voxels
    }
    if given is None and not overlap_percent(np.eye(4), places[""], moving.geometry):
        raise RegistrationError(
            "REGISTRATION-NO-OVERLAP",
            "nothing of the body in the fixed image lies in the field of view of the moving one",
            hint="Registration starts from the header geometry: check that both images show "
            "the same part of the subject in one table position.",
        )
    rules = protocol.file.rigid
    facts: dict[str, Any] = {
        "registration_id": _registration_id(fixed, moving, protocol, given),
        "protocol": protocol,
        "same_frame": same_frame,
        "same_patient": may_be_one_patient(fixed, moving),
    }
    if rules is None or given is not None:
        return _taken(coarse, places, moving, given, facts)
    resolved = [resolutions_of(one, rules) for one in images]
    pair = ImagePair(fixed, moving, resolved[0], resolved[1], coarse, rules)
    return _deformed(_aligned(pair, places, facts), pair, places, regions)


def _taken(
    coarse: CoarsePair,
    places: Mapping[str, FloatArray],
    moving: Volume,
    given: FloatArray | None,
    facts: Mapping[str, Any],
) -> Registration:
    """Return the registration by a transform that is given, or by the headers."""
    checks: Checks = facts["protocol"].file.checks
    matrix = np.eye(4) if given is None else given
    likeness = coarse.similarity(matrix) if checks.similarity.is_asked else None
    rois = [_figures(name, at, matrix, moving, (), None) for name, at in places.items()]
    whole = Registration(matrix=matrix, similarity=likeness, is_given=given is not None, **facts)
    return _judged(whole, rois)


def _aligned(
    pair: ImagePair, places: Mapping[str, FloatArray], facts: Mapping[str, Any]
) -> Registration:
    """Return the registration by the rigid transform that is found."""
    checks: Checks = facts["protocol"].file.checks
    found = pair.forward(np.eye(4))
    moved = checks.restart_spread_mm.is_asked or checks.restart_gain.is_asked
    restarts = moved_answers(pair, checks.restarts, found) if moved else ()
    back = pair.backward() if checks.inverse_consistency_mm.is_asked else None
    rois = [
        _figures(name, at, found.matrix, pair.moving, restarts, back) for name, at in places.items()
    ]
    others = [*restarts, *([] if back is None else [inverse_of(back)])]
    is_compared = checks.similarity.is_asked or checks.restart_gain.is_asked
    alike = pair.coarse.similarity(found.matrix) if is_compared else None
    gain = gain_of_others(pair.coarse, alike, others) if checks.restart_gain.is_asked else None
    whole = Registration(
        matrix=found.matrix,
        similarity=alike if checks.similarity.is_asked else None,
        alignment=found,
        metric_start=pair.metric(np.eye(4)),
        metric_final=pair.metric(found.matrix),
        mirror_gain=gain_of_mirror(pair) if checks.mirror_gain.is_asked else None,
        restart_gain=gain,
        **facts,
    )
    return _judged(whole, rois)


def _deformed(
    rigid: Registration,
    pair: ImagePair,
    places: Mapping[str, FloatArray],
    regions: Sequence[Region],
) -> Registration:
    """Return a registration with its deformable stage, where it has one and did not fail yet."""
    rules, checks = rigid.protocol.file.demons, rigid.protocol.file.checks
    if rules is None or rigid.status == "failed":
        return rigid
    likeness = pair.coarse.similarity if checks.deformed_similarity.is_asked else None
    both_ways = checks.deformed_inverse_mm.is_asked
    found = deformation_of(pair.images, rigid.matrix, rules, likeness, both_ways=both_ways)
    named = {one.name: one for one in regions}
    rois = []
    for one in rigid.rois:
        points = places[one.roi_id]
        there = _figures(one.roi_id, points, found.field, pair.moving, (), None)
        rois.append(
            replace(
                one,
                overlap_percent=there.overlap_percent,
                displacement_mm=there.displacement_mm,
                deformed=figures_of(found, points, named.get(one.roi_id)),
            )
        )
    return _judged(replace(rigid, deformation=found), rois)


def _figures(
    name: str,
    points: FloatArray,
    matrix: Way,
    moving: Volume,
    restarts: Sequence[FloatArray | None],
    back: FloatArray | None,
) -> RoiFigures:
    there = transformed(matrix, points)
    spread = None
    answers = [there, *(transformed(one, points) for one in restarts if one is not None)]
    if restarts and len(answers) == len(restarts) + 1:
        spread = largest_spread_mm(answers)
    inverse = None
    if back is not None:
        inverse = float(distances_mm(transformed(back, there), points).max())
    displacement = float(np.linalg.norm(there.mean(axis=0) - points.mean(axis=0)))
    overlap = overlap_percent(matrix, points, moving.geometry)
    return RoiFigures(name, overlap, displacement, spread, inverse)


def rotation_deg(matrix: FloatArray) -> float:
    """Return the angle of the rotation of a transform, that nearest to an affine one."""
    left, _, right = np.linalg.svd(matrix[:3, :3])
    cosine = (float(np.trace(left @ right)) - 1.0) / 2.0
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def _got_worse(registration: Registration) -> bool:
    start, final = registration.metric_start, registration.metric_final
    return start is None or final is None or final > start


def _judged(registration: Registration, rois: Sequence[RoiFigures]) -> Registration:
    """Return the registration with its regions held against the limits."""
    file, found = registration.protocol.file, registration.alignment
    common: dict[str, Verdict] = {}
    if file.review == "always":
        common["protocol"] = "review"
    if not registration.same_patient:
        common["patient"] = "review"
    names = ["rotation_deg", "similarity", *(_GAINS if found is not None else ())]
    for name in names:
        limit = getattr(file.checks, name)
        common[name] = verdict_of(name, getattr(registration, name), limit)
    if found is not None:
        # Where a field follows this was its start alone, and two deformed images may be
        # most alike by their headers.
        worse: Verdict = "failed" if file.demons is None else "review"
        common["metric"] = worse if _got_worse(registration) else "ok"
        common["iterations"] = worse if found.stop_reason == "iterations" else "ok"
    if registration.deformation is not None:
        after = registration.deformation.similarity
        limit = file.checks.deformed_similarity
        common["deformed_similarity"] = verdict_of("deformed_similarity", after, limit)
    frame = "same" if registration.same_frame else "other"
    judged = []
    for one in rois:
        figures: dict[str, float | None] = {
            "overlap_percent": one.overlap_percent,
            f"displacement_{frame}_frame_mm": one.displacement_mm,
        }
        if found is not None:
            figures["restart_spread_mm"] = one.restart_spread_mm
            figures["inverse_consistency_mm"] = one.inverse_consistency_mm
        if one.deformed is not None:
            figures |= asdict(one.deformed)
        verdicts = {
            name: verdict_of(name, value, getattr(file.checks, name))
            for name, value in figures.items()
        }
        judged.append(replace(one, verdicts=common | verdicts))
    return replace(registration, rois=tuple(judged))


def _registration_id(
    fixed: Volume, moving: Volume, protocol: RegistrationProtocol, given: FloatArray | None
) -> str:
    digest = hashlib.sha256(protocol.document.sha256.encode())
    if given is not None:
        digest.update(np.ascontiguousarray(given).tobytes())
    for volume in (fixed, moving):
        place = volume.geometry
        digest.update(repr((place.shape, place.spacing_mm, place.origin_mm)).encode())
        digest.update(repr(place.direction).encode())
        digest.update(np.ascontiguousarray(volume.array, dtype=np.float64).tobytes())
    return f"{protocol.ident}:{digest.hexdigest()[:16]}"
