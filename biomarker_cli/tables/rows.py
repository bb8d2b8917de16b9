"""The rows of the output tables; the columns of the schema are made from their fields."""

# Without the future import the annotations are objects: the schema reads them.
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, NamedTuple, get_args

from biomarker_cli.model.severities import SEVERITY_WORDS
from biomarker_cli.model.usability import DEFAULT_POLICY, USABLE_WORDS

FieldType = Literal["string", "number", "integer", "boolean"]

_TYPES: dict[Any, FieldType] = {
    str: "string",
    str | None: "string",
    frozenset[str]: "string",
    float: "number",
    float | None: "number",
    int: "integer",
    int | None: "integer",
    bool: "boolean",
    bool | None: "boolean",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, Table Schema type and meaning."""

    name: str
    type: FieldType
    description: str
    values: tuple[str, ...] = ()


class About(NamedTuple):
    """What a column means, and the words it may hold."""

    description: str
    values: tuple[str, ...] = ()


def about(description: str, *values: str) -> About:
    """Return the meaning of a column, for the annotation of its field."""
    return About(description, values)


def columns_of(row: type[Any]) -> tuple[Column, ...]:
    """Return the columns that the fields of a row are, in their order."""
    columns = []
    for one in fields(row):
        held, said = get_args(one.type)
        columns.append(Column(one.name, _TYPES[held], said.description, said.values))
    return tuple(columns)


CaseId = Annotated[str, about("site/subject/timepoint/image role")]
Flags = Annotated[frozenset[str], about("what to know before pooling, sorted, joined by ;")]

Usable = Annotated[
    str, about("whether it may be pooled, by its status and what its flags weigh", *USABLE_WORDS)
]


@dataclass(frozen=True, kw_only=True)
class MeasurementRow:
    """A row of ``measurements.csv``; `usable` follows from status and flags."""

    case_id: CaseId
    roi_id: Annotated[str, about("canonical name of the ROI, unique within the case")]
    analysis_id: Annotated[str, about("analysis protocol, id@version")]
    feature_id: Annotated[str, about("image.family.feature[.variant]")]
    value: Annotated[float | None, about("the number; empty unless status is ok")] = None
    unit: Annotated[str, about("UCUM code")]
    status: Annotated[
        str, about("whether there is a value", "ok", "undefined", "failed", "skipped")
    ]
    flags: Flags = frozenset()
    usable: Usable = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "usable", DEFAULT_POLICY.usable(self.status, self.flags))


@dataclass(frozen=True, kw_only=True)
class RoiRow:
    """A row of ``rois.csv``, without what the import did."""

    case_id: CaseId
    roi_id: Annotated[str, about("canonical name of the ROI, unique within the case")]
    roi_name: Annotated[str, about("canonical name")]
    roi_label: Annotated[str, about("name in the segmentation file")]
    status: Annotated[
        str, about("what the import gave", "ok", "empty", "skipped", "failed", "missing")
    ]
    error_code: Annotated[str, about("stable code where status is not ok")] = ""
    error_message: Annotated[str, about("what was expected and found")] = ""
    source_kind: Annotated[str, about("rtstruct, seg, nifti, nrrd, mha")] = ""
    source_uid: Annotated[str, about("SOPInstanceUID of the segmentation")] = ""
    segment_number: Annotated[int | None, about("ROINumber, SegmentNumber or label value")] = None
    n_voxels: Annotated[int | None, about("voxels inside; empty unless status is ok")] = None
    volume_mm3: Annotated[
        float | None, about("voxels times voxel volume; empty unless status is ok")
    ] = None
    cross_series: Annotated[
        bool | None, about("segmentation refers to another series of the frame")
    ] = None


@dataclass(frozen=True, kw_only=True)
class CaseRow:
    """A row of ``cases.csv``; without a status until the case has ended."""

    case_id: CaseId
    subject_id: Annotated[str, about("identifier that the study assigned")]
    site_id: Annotated[str, about("centre")]
    timepoint: Annotated[str, about("visit")]
    modality: Annotated[str, about("DICOM modality")] = ""
    study_uid: Annotated[str, about("StudyInstanceUID")] = ""
    series_uid: Annotated[str, about("SeriesInstanceUID of the image")] = ""
    frame_of_reference_uid: Annotated[str, about("FrameOfReferenceUID")] = ""
    manufacturer: Annotated[str, about("Manufacturer")] = ""
    model: Annotated[str, about("ManufacturerModelName")] = ""
    software: Annotated[str, about("SoftwareVersions")] = ""
    voxel_x_mm: Annotated[float | None, about("distance between columns")] = None
    voxel_y_mm: Annotated[float | None, about("distance between rows")] = None
    voxel_z_mm: Annotated[float | None, about("distance between slices")] = None
    status: Annotated[
        str,
        about("what became of it", "measured", "partial", "failed", "excluded", "waiting"),
    ] = ""
    error_code: Annotated[str, about("stable code where the case failed or was excluded")] = ""
    error_message: Annotated[str, about("what was expected and found")] = ""
    result_key: Annotated[str, about("sha256 of everything that moves a number of the case")] = ""


@dataclass(frozen=True, kw_only=True)
class FactRow:
    """A row of ``facts.csv``."""

    case_id: CaseId
    series_uid: Annotated[str, about("SeriesInstanceUID")]
    fact: Annotated[str, about("name of the fact")]
    value: Annotated[str, about("value; several distinct ones are joined by \\")]
    unit: Annotated[str, about("UCUM code")]
    tags: Annotated[str, about("elements it was read from")]
    flags: Annotated[frozenset[str], about("what to know, sorted, joined by ;")] = frozenset()


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """A row of ``checks.csv``."""

    scope: Annotated[
        str, about("what the rule was judged on", "series", "study", "subject", "cohort")
    ]
    case_id: Annotated[str, about("case; empty above series")]
    series_uid: Annotated[str, about("SeriesInstanceUID")]
    protocol_id: Annotated[str, about("acquisition protocol")]
    protocol_version: Annotated[str, about("its version")]
    protocol_sha256: Annotated[str, about("digest of its merged content")]
    rule_id: Annotated[str, about("stable id of the rule")]
    severity: Annotated[str, about("what a fail means", "error", "warning", "info")]
    outcome: Annotated[
        str,
        about(
            "what the rule found",
            "pass",
            "fail",
            "not_evaluable",
            "not_applicable",
            "waived",
            "missing_series",
        ),
    ]
    observed: Annotated[str, about("what was found")]
    expected: Annotated[str, about("what the rule asks")]
    unit: Annotated[str, about("UCUM code")]
    tags: Annotated[str, about("elements it was read from")]


@dataclass(frozen=True, kw_only=True)
class DiameterRow:
    """A row of ``diameters.csv``: the line that a length of ``measurements.csv`` was read off."""

    case_id: CaseId
    roi_id: Annotated[str, about("canonical name of the ROI, unique within the case")]
    analysis_id: Annotated[str, about("analysis protocol, id@version")]
    feature_id: Annotated[str, about("image.family.feature[.variant]")]
    start_x_mm: Annotated[float, about("one end of the line, DICOM patient coordinates (LPS)")]
    start_y_mm: Annotated[float, about("likewise")]
    start_z_mm: Annotated[float, about("likewise")]
    end_x_mm: Annotated[float, about("the other end")]
    end_y_mm: Annotated[float, about("likewise")]
    end_z_mm: Annotated[float, about("likewise")]
    normal_x: Annotated[float, about("unit vector across the slice (LPS): the plane measured in")]
    normal_y: Annotated[float, about("likewise")]
    normal_z: Annotated[float, about("likewise")]
    slice_index: Annotated[int, about("slice of the volume, from 0")]
    slice_uid: Annotated[str, about("SOPInstanceUID of the slice; empty where it is no DICOM")]
    frame_number: Annotated[int | None, about("frame of a multi-frame instance, from 1")] = None
    slice_thickness_mm: Annotated[
        float, about("thickness or distance of the slices, the larger one")
    ]
    n_components: Annotated[
        int, about("parts of the region on the slice that do not touch; the line is in one")
    ]
    mask_sha256: Annotated[str, about("digest of the voxels of the region (docs/size.md)")]


@dataclass(frozen=True, kw_only=True)
class RegistrationRow:
    """A row of ``registrations.csv``: how a mask of another case came to the image."""

    case_id: CaseId
    roi_id: Annotated[str, about("ROI that was carried; empty for points of the body")] = ""
    source_case_id: Annotated[str, about("case whose image is the fixed one, and its mask")]
    registration_id: Annotated[str, about("protocol and digest of it and of both images")]
    protocol_id: Annotated[str, about("registration protocol, id@version")]
    protocol_sha256: Annotated[str, about("digest of the protocol")]
    transform: Annotated[str, about("kind of transform", "none", "rigid", "demons", "given")]
    matrix: Annotated[
        str, about("fixed point to moving point, LPS mm, three rows of four; before any field")
    ]
    rotation_deg: Annotated[float, about("angle of the rotation")]
    similarity: Annotated[float | None, about("correlation of both images in the body")] = None
    mirror_gain: Annotated[
        float | None, about("part of the metric gained by exchanging left and right")
    ] = None
    restart_gain: Annotated[
        float | None, about("similarity that the best of the other answers gains")
    ] = None
    deformed_similarity: Annotated[float | None, about("similarity after the demons")] = None
    overlap_percent: Annotated[float, about("points that the moving image shows")]
    displacement_mm: Annotated[float, about("movement of the centre from the header geometry")]
    restart_spread_mm: Annotated[
        float | None, about("largest distance of the answers of moved starts")
    ] = None
    inverse_consistency_mm: Annotated[
        float | None, about("largest distance of a point from itself, there and back")
    ] = None
    deformed_inverse_mm: Annotated[
        float | None,
        about("distance of 95 % of the points from themselves, there by the field and back"),
    ] = None
    folded_percent: Annotated[float | None, about("voxels where the field folds")] = None
    jacobian_min: Annotated[
        float | None, about("volume of the part that shrinks most, there by here")
    ] = None
    jacobian_max: Annotated[
        float | None, about("volume of the part that grows most, there by here")
    ] = None
    volume_ml: Annotated[float | None, about("volume on the image of the other case")] = None
    carried_volume_ml: Annotated[float | None, about("volume on the image of the case")] = None
    volume_change_percent: Annotated[
        float | None, about("carried less original, of the original")
    ] = None
    cut_percent: Annotated[float | None, about("voxels that the image does not show")] = None
    status: Annotated[str, about("the worst of its checks", "ok", "review", "failed")]
    checks: Annotated[str, about("name:verdict of the checks that are not ok, joined by ;")] = ""
    accepted_because: Annotated[str, about("why a person takes it all the same")] = ""
    accepted_by: Annotated[str, about("who does")] = ""


@dataclass(frozen=True, kw_only=True)
class FeatureRow:
    """A row of ``features.csv``."""

    analysis_id: Annotated[str, about("analysis protocol, id@version")]
    analysis_sha256: Annotated[str, about("digest of its merged content")]
    feature_id: Annotated[str, about("image.family.feature[.variant]")]
    name: Annotated[str, about("name for people, of one feature of the analysis alone")]
    family: Annotated[str, about("feature family")]
    aggregation: Annotated[str, about("how slices and directions become one number")]
    unit_ucum: Annotated[
        str, about("UCUM code; several, joined by ;, where images of an analysis differ")
    ]
    ibsi_id: Annotated[str, about("four-letter id of the IBSI manual")]
    dicom_code: Annotated[str, about("code value of the DCM, SCT or IBSI scheme")]
    pyradiomics_name: Annotated[str, about("class_Feature of pyradiomics")]
    engine: Annotated[str, about("what computed it")]
    engine_version: Annotated[str, about("its version")]
    image_filter: Annotated[str, about("filter of the measured image")] = ""
    discretisation: Annotated[str, about("grey level discretisation")] = ""
    interpolation: Annotated[str, about("interpolation of the image")] = ""
    resampled_spacing_mm: Annotated[
        str, about("x, y, z spacing after resampling, joined by spaces")
    ] = ""
    ibsi_benchmarked: Annotated[
        bool,
        about(
            "whether our tests hold the definition (IBSI id and aggregation) against published "
            "IBSI values; it says nothing of the spacing and bins chosen"
        ),
    ]
    definition_version: Annotated[str, about("rises when the same name would give another number")]
    reference: Annotated[str, about("where the definition stands")]


@dataclass(frozen=True, kw_only=True)
class FlagRow:
    """A row of ``flags.csv``."""

    flag: Annotated[str, about("the flag, with its argument")]
    severity: Annotated[
        str, about("what it weighs, by default or by the policy of the study", *SEVERITY_WORDS)
    ]
    meaning: Annotated[str, about("what it says")]
    n_measurements: Annotated[int | None, about("rows of measurements.csv that carry it")]
    n_rois: Annotated[int | None, about("rows of rois.csv that carry it")]
    n_facts: Annotated[int | None, about("rows of facts.csv that carry it")]


@dataclass(frozen=True, kw_only=True)
class ExclusionRow:
    """A row of ``exclusions.csv``: what a pool left out, a case (without a ROI) or one number."""

    case_id: CaseId
    roi_id: Annotated[str, about("ROI; empty where the whole case was left out")] = ""
    analysis_id: Annotated[str, about("analysis protocol, id@version; empty for a case")] = ""
    feature_id: Annotated[str, about("image.family.feature[.variant]; empty for a case")] = ""
    reason: Annotated[
        str,
        about(
            "why it was left out",
            "no_value",
            "do_not_use",
            "caution",
            "same_image",
            "same_subject",
            "other_analysis",
            "other_engine",
            "other_definition",
            "other_unit",
        ),
    ]
    detail: Annotated[str, about("the status, the other case, or what it was made with")] = ""
    flags: Annotated[str, about("flags of the row, sorted, joined by ;")] = ""
