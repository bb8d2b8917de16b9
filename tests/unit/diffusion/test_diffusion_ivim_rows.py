"""The rows of intravoxel incoherent motion: the mean signal of a region, and the flags."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_dwi import SHAPE, Spec, candidates, write_dwi

from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.measuring import map_measurements
from biomarker_cli.diffusion.region_ivim import RegionIvim
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.volumes import DwiVolume
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.measurement import Measurement

B = (0, 5, 10, 20, 30, 50, 75, 100, 150, 200, 400, 600, 800)
RULES = AdcRules.model_validate(
    {
        "estimator": "lls",
        "b_set": {"kind": "all"},
        "statistics": ["mean", "median"],
        "noise": {"floor_snr": 3.0, "flag_above": 0.05},
        "ivim": {
            "diffusion_from": 200,
            "pseudo_diffusion": [5e-3, 0.2],
            "method": "refit",
            "range_mm2_s": [1e-4, 5e-3],
        },
    }
)
MAPS = ("ivim_d", "ivim_f", "ivim_dstar")


def signal(b: float, d: np.ndarray | float, f: float, d_star: float) -> np.ndarray:
    return 8000 * (f * np.exp(-b * d_star) + (1 - f) * np.exp(-b * np.broadcast_to(d, SHAPE)))


def measured(
    folder: Path, images: list[np.ndarray], mask: np.ndarray | None = None
) -> dict[str, Measurement]:
    write_dwi(folder, [Spec(b, array=image) for b, image in zip(B, images, strict=True)])
    maps = diffusion_maps(candidates(folder), RULES)
    geometry = maps[0].volume.geometry
    inside = np.ones(geometry.shape, dtype=np.bool_) if mask is None else mask
    region = Region(inside, geometry, "all", "all")
    return {row.feature_id: row for row in map_measurements(maps, region, RULES)}


def noisy(images: list[np.ndarray], sigma: float, seed: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        np.hypot(image + rng.normal(0, sigma, SHAPE), rng.normal(0, sigma, SHAPE))
        for image in images
    ]


def test_the_mean_signal_of_a_region_has_rows_beside_the_voxel_maps(tmp_path: Path) -> None:
    rows = measured(tmp_path, noisy([signal(b, 1e-3, 0.15, 0.05) for b in B], 160.0))
    assert rows["ivim_d.roi_signal.fit"].value == pytest.approx(1e-3, rel=0.05)
    assert rows["ivim_f.roi_signal.fit"].value == pytest.approx(0.15, abs=0.02)
    assert rows["ivim_dstar.roi_signal.fit"].value == pytest.approx(0.05, rel=0.25)
    units = [rows[f"{image}.roi_signal.fit"].unit for image in MAPS]
    assert units == [rows[f"{image}.intensity.mean"].unit for image in MAPS]


def test_d_star_of_voxels_stays_a_draft_and_that_of_the_region_does_not(tmp_path: Path) -> None:
    rows = measured(tmp_path, [signal(b, 1e-3, 0.15, 0.05) for b in B])
    drafts = {key for key, row in rows.items() if "draft_feature" in row.flags}
    assert "ivim_dstar.intensity.mean" in drafts
    assert drafts == {
        key for key in rows if key.startswith("ivim_dstar") and "roi_signal" not in key
    }


def test_d_of_no_tissue_is_flagged_in_every_map_of_the_model(tmp_path: Path) -> None:
    """A vessel has no D; a share above the limit flags D, f and D*, not the ADC."""
    d = np.full(SHAPE, 1e-3)
    d[0] = 6e-3  # a third of the voxels
    rows = measured(tmp_path, [signal(b, d, 0.15, 0.1) for b in B])
    assert rows["ivim_d.fit.fraction_out_of_range"].value == pytest.approx(1 / 3)
    for image in MAPS:
        assert "diffusion_out_of_range" in rows[f"{image}.intensity.mean"].flags
    assert "diffusion_out_of_range" not in rows["adc.intensity.mean"].flags
    # The mean signal is judged by its own D.
    assert "diffusion_out_of_range" not in rows["ivim_d.roi_signal.fit"].flags


@pytest.mark.parametrize(("d", "flagged"), [(0.9e-4, True), (1.1e-4, False), (4.9e-3, False)])
def test_the_limits_of_d_are_those_of_the_analysis(tmp_path: Path, d: float, flagged: bool) -> None:
    rows = measured(tmp_path, [signal(b, d, 0.0, 0.05) for b in B])
    assert ("diffusion_out_of_range" in rows["ivim_f.intensity.mean"].flags) == flagged
    assert ("diffusion_out_of_range" in rows["ivim_f.roi_signal.fit"].flags) == flagged


def test_few_voxels_out_of_range_are_counted_and_not_flagged(tmp_path: Path) -> None:
    d = np.full(SHAPE, 1e-3)
    d.reshape(-1)[:2] = 6e-3  # 2 of 60
    rows = measured(tmp_path, [signal(b, d, 0.0, 0.05) for b in B])
    assert rows["ivim_d.fit.fraction_out_of_range"].value == pytest.approx(2 / 60)
    assert "diffusion_out_of_range" not in rows["ivim_d.intensity.mean"].flags


def test_noise_floor_reaches_the_maps_of_the_model(tmp_path: Path) -> None:
    low = measured(tmp_path, noisy([signal(b, 2.5e-3, 0.1, 0.05) for b in B], 800.0))
    for image in ("adc", *MAPS):
        assert "noise_floor" in low[f"{image}.intensity.mean"].flags, image
    for image in MAPS:
        assert "noise_floor" in low[f"{image}.roi_signal.fit"].flags, image
    assert low["ivim_d.fit.fraction_below_floor"].value > 0.05


def test_a_clean_signal_has_no_noise_floor(tmp_path: Path) -> None:
    rows = measured(tmp_path, noisy([signal(b, 1e-3, 0.1, 0.05) for b in B], 40.0))
    assert not any("noise_floor" in row.flags for row in rows.values() if "ivim" in row.image)
    assert rows["ivim_d.fit.r_squared"].value > 0.99


def test_a_region_without_a_voxel_has_no_value_and_says_why(tmp_path: Path) -> None:
    images = [signal(b, 1e-3, 0.15, 0.05) for b in B]
    rows = measured(tmp_path, images, np.zeros(SHAPE, dtype=np.bool_))
    for image in MAPS:
        row = rows[f"{image}.roi_signal.fit"]
        assert row.value is None
        assert "positive signal" in row.reason


def test_voxels_without_a_fit_enter_the_mean_signal(tmp_path: Path) -> None:
    images = [signal(b, 1e-3, 0.15, 0.05) for b in B]
    images[-1] = images[-1].copy()
    images[-1].reshape(-1)[:20] = 0.0  # a third: too many for statistics of voxels
    rows = measured(tmp_path, images)
    assert rows["ivim_d.intensity.mean"].value is None
    found = rows["ivim_d.roi_signal.fit"]
    assert found.value is not None
    assert found.value > 1.1e-3
    assert "voxels_nan" not in found.flags


def test_the_draft_s_maps_know_the_noise_floor_too(tmp_path: Path) -> None:
    rules = AdcRules.model_validate(
        {
            **RULES.model_dump(),
            "ivim": {"diffusion_from": 200, "pseudo_diffusion": [3e-3, 0.3]},
            "kurtosis": {"b_max": 800},
        }
    )
    images = noisy([signal(b, 2.5e-3, 0.1, 0.05) for b in B], 800.0)
    write_dwi(tmp_path, [Spec(b, array=image) for b, image in zip(B, images, strict=True)])
    maps = diffusion_maps(candidates(tmp_path), rules)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    rows = {row.feature_id: row for row in map_measurements(maps, region, rules)}
    for image in (*MAPS, "dki_d", "dki_k"):
        assert "noise_floor" in rows[f"{image}.intensity.mean"].flags, image
    assert "ivim_d.roi_signal.fit" not in rows


def _counted(volume: DwiVolume, reads: list[str]) -> DwiVolume:
    def read() -> Volume:
        reads.append(volume.volume_id)
        return volume.read()

    return replace(volume, read=read)


def test_images_are_read_once_for_all_regions(tmp_path: Path) -> None:
    """And each region has the value that it has alone, whatever the others are."""
    d = np.linspace(5e-4, 2e-3, 60).reshape(SHAPE)
    images = noisy([signal(b, d, 0.15, 0.05) for b in B], 40.0)
    write_dwi(tmp_path, [Spec(b, array=image) for b, image in zip(B, images, strict=True)])
    maps = diffusion_maps(candidates(tmp_path), RULES)
    geometry = maps[0].volume.geometry
    masks = {"a": np.zeros(SHAPE, dtype=np.bool_), "b": np.ones(SHAPE, dtype=np.bool_)}
    masks |= {"c": np.zeros(SHAPE, dtype=np.bool_)}
    masks["a"][0] = True
    regions = {name: Region(mask, geometry, name, name) for name, mask in masks.items()}
    reads = []
    volumes = [volume for shell in maps[1].shells for volume in shell.volumes]
    shells = tuple(
        replace(shell, groups=tuple(tuple(_counted(v, reads) for v in g) for g in shell.groups))
        for shell in maps[1].shells
    )
    counted = [replace(one, shells=shells) for one in maps]
    means = RegionIvim(counted, RULES)
    together = {name: means.of(region, regions) for name, region in regions.items()}
    assert len(reads) == len(volumes)
    for name, region in regions.items():
        alone = RegionIvim(maps, RULES).of(region, {})
        for image in MAPS:
            assert together[name][image][0] == pytest.approx(alone[image][0], nan_ok=True)
    assert together["a"]["ivim_d"][0] < together["b"]["ivim_d"][0]
    assert np.isnan(together["c"]["ivim_d"][0])


def test_a_region_on_another_grid_does_not_stop_the_others(tmp_path: Path) -> None:
    images = [signal(b, 1e-3, 0.15, 0.05) for b in B]
    write_dwi(tmp_path, [Spec(b, array=image) for b, image in zip(B, images, strict=True)])
    maps = diffusion_maps(candidates(tmp_path), RULES)
    geometry = maps[0].volume.geometry
    here = Region(np.ones(SHAPE, dtype=np.bool_), geometry, "here", "here")
    other = Geometry((2, 2, 2), geometry.spacing_mm)
    there = Region(np.ones(other.shape, dtype=np.bool_), other, "there", "there")
    means = RegionIvim(maps, RULES)
    assert means.of(there, {"here": here, "there": there}) == {}
    found = means.of(here, {"here": here, "there": there})
    assert found["ivim_d"][0] == pytest.approx(1e-3, rel=1e-3)
