"""Size and shape of a region, and how intensity lies in it (IBSI-1, section 3.1)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import define_family

_ROWS = (
    ("volume", "RNU0", "MeshVolume", "Volume (mesh)"),
    ("approximate_volume", "YEKZ", "VoxelVolume", "Volume (voxel counting)"),
    ("surface_area", "C0JK", "SurfaceArea", "Surface area (mesh)"),
    ("surface_to_volume_ratio", "2PR5", "SurfaceVolumeRatio"),
    ("compactness_1", "SKGS", ""),
    ("compactness_2", "BQWJ", ""),
    ("spherical_disproportion", "KRCK", ""),
    ("sphericity", "QCFX", "Sphericity"),
    ("asphericity", "25C7", ""),
    ("centre_of_mass_shift", "KLMA", ""),
    ("maximum_3d_diameter", "L0JK", "Maximum3DDiameter", "Maximum 3D diameter"),
    (
        "maximum_2d_diameter_slice",
        "",
        "Maximum2DDiameterSlice",
        "Maximum 2D diameter within a slice",
    ),
    (
        "maximum_2d_diameter_column",
        "",
        "Maximum2DDiameterColumn",
        "Maximum 2D diameter within a plane of equal y",
    ),
    (
        "maximum_2d_diameter_row",
        "",
        "Maximum2DDiameterRow",
        "Maximum 2D diameter within a plane of equal x",
    ),
    ("major_axis_length", "TDIC", "MajorAxisLength"),
    ("minor_axis_length", "P9VJ", "MinorAxisLength"),
    ("least_axis_length", "7J51", "LeastAxisLength"),
    ("elongation", "Q3CK", "Elongation"),
    ("flatness", "N17B", "Flatness"),
    ("volume_density_aabb", "PBX1", "", "Volume density, axis-aligned bounding box"),
    ("area_density_aabb", "R59B", "", "Area density, axis-aligned bounding box"),
    ("volume_density_aee", "6BDE", "", "Volume density, approximate enclosing ellipsoid"),
    ("area_density_aee", "RDD2", "", "Area density, approximate enclosing ellipsoid"),
    ("volume_density_convex_hull", "R3ER", "", "Volume density, convex hull"),
    ("area_density_convex_hull", "7T7F", "", "Area density, convex hull"),
    ("integrated_intensity", "99N0", ""),
    ("moran_i", "N365", "", "Moran's I index"),
    ("geary_c", "NPT7", "", "Geary's C measure"),
)

MORPHOLOGY = define_family(
    "morphology",
    _ROWS,
    reference="IBSI-1 v11, section 3.1",
    units={
        "volume": "mm3",
        "approximate_volume": "mm3",
        "surface_area": "mm2",
        "surface_to_volume_ratio": "/mm",
        "centre_of_mass_shift": "mm",
        "maximum_3d_diameter": "mm",
        "maximum_2d_diameter_slice": "mm",
        "maximum_2d_diameter_column": "mm",
        "maximum_2d_diameter_row": "mm",
        "major_axis_length": "mm",
        "minor_axis_length": "mm",
        "least_axis_length": "mm",
        "integrated_intensity": "{image}.mm3",
    },
    pyradiomics_class="shape",
)
"""Definitions by name and aggregation."""
