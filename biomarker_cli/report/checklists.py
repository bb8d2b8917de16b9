"""Items of checklists for radiomics research, and what the tables of a run are evidence of.

References
----------
Kocak et al. 2023, Insights into Imaging 14:75 (CLEAR, 58 items); Kocak et al. 2024,
Insights into Imaging 15:8 (METRICS, 30 items).
"""

from __future__ import annotations

from dataclasses import dataclass

_METRICS = (
    "Adherence to checklists or guidelines",
    "Eligibility criteria of a representative population",
    "High-quality reference standard",
    "Multi-center",
    "Clinical translatability of the imaging data source",
    "Imaging protocol with acquisition parameters",
    "Interval between imaging and reference standard",
    "Transparent description of segmentation",
    "Formal evaluation of fully automated segmentation",
    "Test set masks by a single reader or automated tool",
    "Image preprocessing with transparent description",
    "Standardized feature extraction software",
    "Transparent reporting of extraction parameters",
    "Removal of non-robust features",
    "Removal of redundant features",
    "Dimensionality compared to data size",
    "Robustness of end-to-end deep learning",
    "Proper data partitioning",
    "Handling of confounding factors",
    "Performance metrics for the task",
    "Consideration of uncertainty",
    "Calibration assessment",
    "Uni-parametric imaging or proof of its inferiority",
    "Comparison with a non-radiomic approach",
    "Comparison with simple or classical models",
    "Internal testing",
    "External testing",
    "Data availability",
    "Code availability",
    "Model availability",
)

_CLEAR = {
    16: "Imaging protocol",
    19: "Segmentation strategy",
    20: "Operators of the segmentation",
    21: "Image pre-processing",
    22: "Resampling method and parameters",
    23: "Discretization method and parameters",
    24: "Image types",
    25: "Feature extraction method",
    26: "Feature classes",
    27: "Number of features",
    28: "Default configuration statement",
    29: "Handling of missing data",
    31: "Segmentation reliability analysis",
    46: "Feature statistics, such as reproducibility",
}
"""Those that tables of images, regions and features could bear on; the others are of the study."""

_METRICS_EVIDENCE = {
    4: "sites",
    6: "acquisition",
    8: "segmentation",
    11: "preprocessing",
    12: "software",
    13: "parameters",
    14: "repeatability",
}
_CLEAR_EVIDENCE = {
    16: "acquisition",
    19: "segmentation",
    21: "preprocessing",
    22: "resampling",
    23: "discretisation",
    24: "image_types",
    25: "software",
    26: "families",
    27: "feature_count",
    28: "parameters",
    29: "missing",
    46: "repeatability",
}


@dataclass(frozen=True)
class ChecklistItem:
    """An item of a checklist.

    Attributes
    ----------
    checklist : str
        ``METRICS`` or ``CLEAR``.
    number : int
    title : str
        In short.
    evidence : str
        Name of the evidence of `methods.methods_evidence`; empty for what tables cannot know.
    """

    checklist: str
    number: int
    title: str
    evidence: str


ITEMS = (
    *(
        ChecklistItem("METRICS", number, title, _METRICS_EVIDENCE.get(number, ""))
        for number, title in enumerate(_METRICS, start=1)
    ),
    *(
        ChecklistItem("CLEAR", number, title, _CLEAR_EVIDENCE.get(number, ""))
        for number, title in _CLEAR.items()
    ),
)
