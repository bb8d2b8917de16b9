"""Rules that turn a segmentation into voxels: a section of the analysis protocol.

Every default refuses: a protocol that wants gaps closed, a fractional
segmentation cut or a mask resampled says so, and its version says it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    RootModel,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from biomarker_cli.protocol.document import Strict
from biomarker_cli.registration.carry_rules import DEFAULT_CARRY, CarryRule


class RegionRules(Strict):
    """How a segmentation becomes voxels, and what is refused.

    Attributes
    ----------
    gaps : str
        Slices without a contour between two that overlap: ``error``, ``none``
        (they stay empty) or ``interpolate`` (shape-based, signed distances).
    largest_gap_mm : float, optional
        Under ``interpolate``: a wider gap is an error. Without it none is too wide.
    crossing : str
        Closed contours that cross on one plane, which DICOM leaves undefined:
        ``union`` (flag ``roi_contours_cross``) or ``error``.
    fractional_threshold : float, optional
        Smallest fraction that counts as inside, in (0, 1]. Without it a
        FRACTIONAL segmentation is refused.
    cross_series : str
        Segmentation of another series in the same frame of reference:
        ``allow`` (flag ``cross_series``) or ``forbid``.
    other_grid : str
        Mask on another grid than the image, or contours that are not parallel
        to its slices: ``forbid``, or ``resample`` to the grid of the image by
        linear interpolation, >= 0.5 is inside.
    empty : str
        ROI without a voxel: its status is ``empty`` (``row``) or ``failed`` (``error``).
    smallest_voxels : int
        Fewer voxels are an error.
    thin : str
        Fewer than 3 voxels along an axis: ``flag`` (``roi_small``) or ``error``.
    border : str
        Touching the border of the image: ``flag`` (``roi_touches_border``) or ``error``.
    clipped : str
        Partly outside the image: ``flag`` (``roi_clipped``) or ``error``.
    components : str
        More than one connected component: ``allow`` (in the audit) or ``error``.

    References
    ----------
    DICOM PS3.3 C.8.8.6 (ROI Contour), C.8.20.2 (Segmentation Image).
    """

    gaps: Literal["error", "none", "interpolate"] = "error"
    largest_gap_mm: float | None = Field(default=None, gt=0)
    crossing: Literal["union", "error"] = "union"
    fractional_threshold: float | None = Field(default=None, gt=0, le=1)
    cross_series: Literal["allow", "forbid"] = "allow"
    other_grid: Literal["forbid", "resample"] = "forbid"
    empty: Literal["row", "error"] = "row"
    smallest_voxels: int = Field(default=1, ge=1)
    thin: Literal["flag", "error"] = "flag"
    border: Literal["flag", "error"] = "flag"
    clipped: Literal["flag", "error"] = "flag"
    components: Literal["allow", "error"] = "allow"


class RoiName(Strict):
    """How a canonical ROI is called by the sites.

    A ROI fits when one of its names, patterns or codes does; `labels` narrow
    the choice where names repeat, or choose alone.

    Attributes
    ----------
    names : tuple of str
        Exact names, upper and lower case as written.
    patterns : tuple of str
        Shell patterns (``GTV*``, ``lesion_?``) for the whole name, in any case.
    codes : tuple of str
        ``value:scheme``, for instance ``10200004:SCT``.
    labels : tuple of int
        ROINumber, SegmentNumber or label value.
    carry : str
        How it may be carried to another image: ``never``, ``rigid`` or, for organs and
        atlases, ``deformable``.
    """

    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()
    carry: CarryRule = DEFAULT_CARRY

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"names": [value]}
        return {"names": value} if isinstance(value, list | tuple) else value

    @model_serializer(mode="wrap")
    def _without_default(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Results are kept under what decides them: a map that says nothing new keeps them.
        said: dict[str, Any] = whole(self)
        return {key: one for key, one in said.items() if (key, one) != ("carry", DEFAULT_CARRY)}

    @model_validator(mode="after")
    def _says_something(self) -> RoiName:
        if not (self.names or self.patterns or self.codes or self.labels):
            raise ValueError("expected at least one of names, patterns, codes, labels")
        return self

    @field_validator("codes")
    @classmethod
    def _has_scheme(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            value, separator, scheme = code.partition(":")
            if not (value and separator and scheme):
                raise ValueError(f"expected value:scheme such as 10200004:SCT, found {code!r}")
        return codes


class RoiNames(RootModel[dict[str, RoiName]]):
    """Map from canonical ROI names to what the sites call them.

    A single name or a list of names may stand in place of the full form::

        liver: {names: [Liver, LIVER], codes: ["10200004:SCT"]}
        gtv: {patterns: ["GTV*"], carry: never}
        spleen: Spleen
    """

    model_config = ConfigDict(frozen=True)

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        """Iterate over the canonical names."""
        return iter(self.root)

    def __len__(self) -> int:
        """Return the number of canonical names."""
        return len(self.root)

    def __getitem__(self, canonical: str) -> RoiName:
        """Return what a canonical name may be called."""
        return self.root[canonical]

    def carry_of(self, canonical: str) -> CarryRule:
        """Return how a ROI may be carried to another image; rigidly where nothing is said."""
        named = self.root.get(canonical)
        return DEFAULT_CARRY if named is None else named.carry

    def __contains__(self, canonical: object) -> bool:
        """Tell whether the map knows a canonical name."""
        return canonical in self.root
