"""Size and shape of a region of one plane, as pyradiomics defines them (its class shape2D)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import define_family

_ROWS = (
    ("mesh_area", "", "MeshSurface", "Area inside the outline"),
    ("approximate_area", "", "PixelSurface", "Area (pixel counting)"),
    ("perimeter", "", "Perimeter", "Length of the outline"),
    ("perimeter_to_area_ratio", "", "PerimeterSurfaceRatio"),
    ("sphericity", "", "Sphericity", "Perimeter of the circle of equal area to perimeter"),
    ("maximum_diameter", "", "MaximumDiameter"),
    ("major_axis_length", "", "MajorAxisLength"),
    ("minor_axis_length", "", "MinorAxisLength"),
    ("elongation", "", "Elongation"),
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
