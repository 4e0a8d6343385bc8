"""What runs leave for the page to show: films, surfaces, interpolations, neighbours, masses of modes, resamples."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from test_training import Make, make, prepared  # noqa: F401 - fixtures
from torch import nn

from ganbench import folder, layout, neighbours, runs, sheet


def test_points_leave_a_film_a_surface_masses_and_resamples(make: Make) -> None:  # noqa: F811
    place = make()
    assert place.train()
    assert place.evaluate()
    folder, record = place.folder("wgan"), place.record("wgan", name=layout.METRICS)
    film = load_file(folder / layout.FILM)
    assert film["steps"].tolist() == [point["step"] for point in record["curve"]]
    assert film["samples"].shape == (len(film["steps"]), 400, 2)
    assert film["samples"].isfinite().all()
    surface = load_file(folder / layout.SURFACE)
    assert surface["scores"].shape == (64, 64)
    assert surface["extent"] > 1
    masses = record["mode_masses"]
    assert masses["truth"] == pytest.approx([1 / 8] * 8)
    assert sum(masses["shares"]) == pytest.approx(1)
    further = record["resamples"]["raw"]
    assert len(further) == 2
    assert place.evaluate()  # nothing to do: the same file
    assert place.record("wgan", name=layout.METRICS) == record


def test_the_surface_has_its_first_row_at_the_bottom_and_x_along_rows(tmp_path: Path) -> None:
    plane = nn.Linear(2, 1, bias=False)
    plane.weight.data = torch.tensor([[1.0, 100.0]])
    folder._write_surface(nn.Sequential(plane, nn.Flatten(0)), tmp_path / layout.SURFACE, 2.0)
    scores = load_file(tmp_path / layout.SURFACE)["scores"]
    assert scores[0, 0] == pytest.approx(-202)
    assert scores[0, -1] == pytest.approx(-198)
    assert scores[-1, 0] == pytest.approx(198)


def test_a_changed_number_of_resamples_measures_again_and_trains_nothing(make: Make) -> None:  # noqa: F811
    first = make().plan
    text = Path("study.yaml").read_text().replace("evaluation: {", "evaluation: {resamples: 5, ")
    Path("more.yaml").write_text(text)
    second = runs.plan(Path("more.yaml"))
    assert [run.digest for run in first.runs] == [run.digest for run in second.runs]
    assert all(a.evaluation_digest != b.evaluation_digest for a, b in zip(first.runs, second.runs, strict=True))


def test_nearest_finds_an_exact_copy_first() -> None:
    points = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    distances, indices = neighbours.nearest(points[[7, 30]], points, 3)
    assert indices[:, 0].tolist() == [7, 30]
    assert distances[:, 0].tolist() == [0, 0]
    assert (distances.diff(dim=1) >= 0).all()


def test_a_sheet_of_rows_keeps_the_order(tmp_path: Path) -> None:
    images = torch.arange(7, dtype=torch.uint8)[:, None, None, None].expand(7, 1, 2, 2).contiguous()
    sheet.write_rows(images, 3, tmp_path / "rows.png")
    picture = Image.open(tmp_path / "rows.png")
    assert picture.size == (8, 5)  # three by two, the seventh left out
    assert [[picture.getpixel((3 * column, 3 * row)) for column in range(3)] for row in range(2)] == [
        [0, 1, 2],
        [3, 4, 5],
    ]
