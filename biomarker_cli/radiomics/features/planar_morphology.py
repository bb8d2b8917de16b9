"""Size and shape of a region of one plane, as pyradiomics defines them (its class shape2D)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import define_family

_ROWS = (
    ("mesh_area", "Area inside the outline", "", "MeshSurface"),
    ("approximate_area", "Area (pixel counting)", "", "PixelSurface"),
    ("perimeter", "Length of the outline", "", "Perimeter"),
    ("perimeter_to_area_ratio", "Perimeter to area ratio", "", "PerimeterSurfaceRatio"),
    ("sphericity", "Perimeter of the circle of equal area to perimeter", "", "Sphericity"),
    ("maximum_diameter", "Maximum diameter", "", "MaximumDiameter"),
    ("major_axis_length", "Major axis length", "", "MajorAxisLength"),
    ("minor_axis_length", "Minor axis length", "", "MinorAxisLength"),
    ("elongation", "Elongation", "", "Elongation"),
)

MORPHOLOGY_2D = define_family(
    "morphology_2d",
    _ROWS,
    reference="pyradiomics documentation, radiomics.shape2D",
    units={
        "mesh_area": "mm2",
        "approximate_area": "mm2",
        "perimeter": "mm",
        "perimeter_to_area_ratio": "/mm",
        "maximum_diameter": "mm",
        "major_axis_length": "mm",
        "minor_axis_length": "mm",
    },
    pyradiomics_class="shape2D",
)
"""Definitions by name and aggregation."""
