"""A real cluster on the loopback: a scheduler and two workers, each a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_processes import DaskCluster


@pytest.fixture
def new_cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    """A cluster of which nothing runs yet."""
    cluster = DaskCluster(tmp_path)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler and two workers, whom tests may kill: their nannies start them again."""
    found = DaskCluster(tmp_path_factory.mktemp("cluster"))
    try:
        found.start_scheduler()
        found.start_worker("one")
        found.start_worker("two")
        found.wait_for_workers(2)
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="session")
def small_study(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study of the PET and diffusion cases of two first visits."""
    folder = tmp_path_factory.mktemp("study")
    for name in ("study.yaml", "study.key"):
        (folder / name).write_bytes((sample_dir / name).read_bytes())
    with (folder / "study.yaml").open("a") as stream:
        stream.write("keep: [masks, maps, pictures]\n")
    rows = (sample_dir / "cases.csv").read_text().splitlines()
    kept = [rows[0], *(row for row in rows if ",T1,pet," in row or ",T1,dwi," in row)]
    (folder / "cases.csv").write_text("\n".join(kept) + "\n")
    for centre in ("centre_a", "centre_b"):
        (folder / centre).symlink_to(sample_dir / centre)
    return folder / "study.yaml"
