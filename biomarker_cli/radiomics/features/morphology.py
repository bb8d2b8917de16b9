"""Size and shape of a region, and how intensity lies in it (IBSI-1, section 3.1)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import define_family

_ROWS = (
    ("volume", "Volume (mesh)", "RNU0", "MeshVolume"),
    ("approximate_volume", "Volume (voxel counting)", "YEKZ", "VoxelVolume"),
    ("surface_area", "Surface area (mesh)", "C0JK", "SurfaceArea"),
    ("surface_to_volume_ratio", "Surface to volume ratio", "2PR5", "SurfaceVolumeRatio"),
    ("compactness_1", "Compactness 1", "SKGS", ""),
    ("compactness_2", "Compactness 2", "BQWJ", ""),
    ("spherical_disproportion", "Spherical disproportion", "KRCK", ""),
    ("sphericity", "Sphericity", "QCFX", "Sphericity"),
    ("asphericity", "Asphericity", "25C7", ""),
    ("centre_of_mass_shift", "Centre of mass shift", "KLMA", ""),
    ("maximum_3d_diameter", "Maximum 3D diameter", "L0JK", "Maximum3DDiameter"),
    (
        "maximum_2d_diameter_slice",
        "Maximum 2D diameter within a slice",
        "",
        "Maximum2DDiameterSlice",
    ),
    (
        "maximum_2d_diameter_column",
        "Maximum 2D diameter within a plane of equal y",
        "",
        "Maximum2DDiameterColumn",
    ),
    (
        "maximum_2d_diameter_row",
        "Maximum 2D diameter within a plane of equal x",
        "",
        "Maximum2DDiameterRow",
    ),
    ("major_axis_length", "Major axis length", "TDIC", "MajorAxisLength"),
    ("minor_axis_length", "Minor axis length", "P9VJ", "MinorAxisLength"),
    ("least_axis_length", "Least axis length", "7J51", "LeastAxisLength"),
    ("elongation", "Elongation", "Q3CK", "Elongation"),
    ("flatness", "Flatness", "N17B", "Flatness"),
    ("volume_density_aabb", "Volume density, axis-aligned bounding box", "PBX1", ""),
    ("area_density_aabb", "Area density, axis-aligned bounding box", "R59B", ""),
    ("volume_density_aee", "Volume density, approximate enclosing ellipsoid", "6BDE", ""),
    ("area_density_aee", "Area density, approximate enclosing ellipsoid", "RDD2", ""),
    ("volume_density_convex_hull", "Volume density, convex hull", "R3ER", ""),
    ("area_density_convex_hull", "Area density, convex hull", "7T7F", ""),
    ("integrated_intensity", "Integrated intensity", "99N0", ""),
    ("moran_i", "Moran's I index", "N365", ""),
    ("geary_c", "Geary's C measure", "NPT7", ""),
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
