"""The sanity suite: corruptions do what they say, metrics respond as theory says, and the page tells the truth."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ganbench import data, files, runs
from ganbench.reference import Instruments
from ganbench.runs import Plan
from ganbench.sanity import __main__ as command
from ganbench.sanity import page, responses
from ganbench.sanity.corruptions import SUITE, Corruption, Pool
from ganbench.sanity.responses import Responses
from ganbench.streams import stream

BY_TITLE = {corruption.title: corruption for corruption in SUITE}
Suite = tuple[Plan, Path, dict[str, Responses]]


def images(count: int = 400, classes: int = 4) -> Pool:
    """Images that are all different, a quarter of each class."""
    samples = torch.randint(0, 256, (count, 1, 16, 16), generator=stream(0, "test"), dtype=torch.uint8)
    training = torch.randint(0, 256, (count, 1, 16, 16), generator=stream(1, "test"), dtype=torch.uint8)
    return Pool(samples, torch.arange(count) % classes, training, count)


def points(count: int = 400, modes: int = 4) -> Pool:
    """Points near 0, 10, 20 and 30, ten times as many as are spoilt."""
    places = torch.arange(10 * count) % modes
    centres = torch.stack([10.0 * places, torch.zeros(len(places))], 1)
    samples = centres + 0.1 * torch.randn(len(places), 2, generator=stream(0, "test"))
    return Pool(samples, places, samples.flip(0)[:count] + 0.01, count)


POOLS = pytest.mark.parametrize("pool", [images(), points()], ids=["images", "points"])


def rows(samples: torch.Tensor) -> set[bytes]:
    return {sample.numpy().tobytes() for sample in samples}


@pytest.mark.parametrize("corruption", SUITE, ids=lambda corruption: corruption.title)
@POOLS
def test_a_corruption_keeps_count_shape_and_type_and_is_the_same_again(pool: Pool, corruption: Corruption) -> None:
    if corruption.images_only and pool.samples.is_floating_point():
        pytest.skip("for images only")
    before = pool.samples.clone()
    for strength in corruption.steps:
        spoilt = corruption(pool, strength)
        assert spoilt.shape == pool.real.shape
        assert spoilt.dtype == pool.real.dtype
        assert not torch.equal(spoilt, pool.real)
        assert torch.equal(spoilt, corruption(pool, strength))
    assert torch.equal(pool.samples, before)
    assert list(corruption.steps) == sorted(corruption.steps)


def test_noise_has_the_spread_that_it_says() -> None:
    pool = points()
    added = BY_TITLE["noise"](pool, 0.5) - pool.real
    assert float(added.std()) == pytest.approx(0.5 * float(pool.real.std()), rel=0.1)


def test_a_blur_spreads_a_dot_and_keeps_its_light() -> None:
    dot = torch.zeros(2, 1, 33, 33, dtype=torch.uint8)
    dot[:, :, 16, 16] = 255
    spoilt = BY_TITLE["blur"](Pool(dot, torch.tensor([0, 1]), dot, 2), 1 / 33)[0, 0].double()
    assert float(spoilt.sum()) == pytest.approx(255, rel=0.1)
    assert float(spoilt[16, 16]) == pytest.approx(255 / (2 * math.pi), rel=0.1)  # sigma of one pixel


@pytest.mark.parametrize(("share", "left"), [(0.1, 4), (0.25, 3), (0.5, 2), (0.9, 1), (1.0, 1)])
def test_dropped_modes_are_the_first_and_others_take_their_place(share: float, left: int) -> None:
    pool = points()
    spoilt = BY_TITLE["mode dropping"](pool, share)
    found = (spoilt[:, 0] / 10).round().unique().tolist()
    assert found == list(range(4 - left, 4))
    assert rows(spoilt) <= rows(pool.samples)
    assert len(rows(spoilt)) == pool.count  # there are points enough, so that none is repeated


def test_samples_are_repeated_only_where_they_do_not_suffice() -> None:
    pool = images()
    assert len(rows(BY_TITLE["mode dropping"](pool, 0.75))) == 100  # all of the one class that is left


@POOLS
def test_duplicates_are_copies_of_few_and_leave_the_modes_as_they_are(pool: Pool) -> None:
    spoilt = BY_TITLE["duplicates"](pool, 5.0)
    assert rows(spoilt) <= rows(pool.real)
    assert len(rows(spoilt)) == pool.count / 5
    mode = {sample.numpy().tobytes(): int(m) for sample, m in zip(pool.real, pool.modes[: pool.count], strict=True)}
    found = torch.tensor([mode[sample.numpy().tobytes()] for sample in spoilt])
    assert torch.equal(found, pool.modes[: pool.count])


def test_invented_points_lie_between_neighbours_and_the_share_is_exact() -> None:
    pool = points()
    spoilt = BY_TITLE["mode invention"](pool, 0.3)
    replaced = (spoilt != pool.real).any(1)
    assert int(replaced.sum()) == 0.3 * pool.count
    between = spoilt[replaced][:, 0] % 10
    assert float((between - 5).abs().max()) < 1


def test_invented_images_are_the_mean_of_two_of_different_classes() -> None:
    shades = torch.arange(4, dtype=torch.uint8).repeat_interleave(10) * 80
    flat = shades[:, None, None, None].expand(-1, 1, 8, 8).contiguous()
    pool = Pool(flat, torch.arange(4).repeat_interleave(10), flat, 40)
    spoilt = BY_TITLE["mode invention"](pool, 1.0)[:, 0, 0, 0]
    assert all(int(value) % 40 == 0 for value in spoilt)
    assert not bool((spoilt == shades).any())


def test_imbalance_is_geometric() -> None:
    pool = points(count=40_000)
    spoilt = BY_TITLE["label imbalance"](replace(pool, count=40_000), 8.0)
    counts = (spoilt[:, 0] / 10).round().long().bincount().double()
    assert (counts[:-1] / counts[1:]).tolist() == pytest.approx([2, 2, 2], rel=0.1)


@POOLS
def test_memorised_samples_are_training_samples(pool: Pool) -> None:
    spoilt = BY_TITLE["memorisation"](pool, 0.3)
    assert sum(sample.numpy().tobytes() in rows(pool.training) for sample in spoilt) == 0.3 * pool.count


@POOLS
def test_a_constant_is_one_real_sample(pool: Pool) -> None:
    assert len(rows(BY_TITLE["constant sample"](pool, 1.0)) & rows(pool.real)) == 1


def test_what_is_replaced_at_one_step_is_replaced_at_the_next() -> None:
    pool = images()
    weak, strong = (BY_TITLE["memorisation"](pool, share) for share in (0.1, 0.3))
    replaced = (weak != pool.real).flatten(1).any(1)
    assert torch.equal(weak[replaced], strong[replaced])


# ---- what metrics make of it, on digits and on ring8


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """The suite by its one command, and what it measured."""
    folder = tmp_path_factory.mktemp("sanity")
    study = folder / "small.yaml"
    study.write_text(
        "study: small\n"
        "datasets: [{name: digits, evaluation: {samples: 500}}, {name: ring8, evaluation: {samples: 1000}}]\n"
        "architectures: [mlp]\nmethods: [wgan]\nseeds: [0]\ntraining: {generator_steps: 1}\n"
    )
    found: dict[str, Responses] = {}
    measure = responses.measure

    def remembered(instruments: Instruments, tell: Callable[[str], None]) -> Responses:
        return found.setdefault(instruments.dataset.label, measure(instruments, tell))

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(responses, "measure", remembered)
        assert command.main([str(study), "--to", "page"]) == 0
        yield runs.plan(study), folder, found


@pytest.fixture
def digits(suite: Suite) -> Responses:
    return suite[2]["digits"]


@pytest.fixture
def ring8(suite: Suite) -> Responses:
    return suite[2]["ring8"]


def values(of: Responses, short: str, corruption: str) -> list[float]:
    """Of real samples and of each step."""
    (name,) = (name for name, measure in of.dataset.measures.items() if measure.trait("short") == short)
    return [values[name] for values in (of.real, *of.spoilt[corruption])]  # type: ignore[misc]


def last(of: Responses, short: str, corruption: str) -> str:
    """The verdict on the strongest step."""
    (name,) = (name for name, measure in of.dataset.measures.items() if measure.trait("short") == short)
    return of.verdicts(name, corruption)[-1]


@pytest.mark.parametrize("corruption", ["noise", "blur", "mode dropping", "label imbalance"])
def test_the_frechet_distance_grows_with_the_strength(digits: Responses, corruption: str) -> None:
    found = values(digits, "fd", corruption)
    assert found[1:] == sorted(found[1:])
    assert last(digits, "fd", corruption) == "notices"


def test_precision_sees_invention_and_not_dropping_and_coverage_sees_dropping(digits: Responses) -> None:
    assert last(digits, "precision", "mode invention") == "notices"
    assert last(digits, "precision", "mode dropping") == "misses"
    covered = values(digits, "coverage", "mode dropping")
    assert covered == sorted(covered, reverse=True)
    assert covered[-1] < 0.2


def test_memorisation_is_seen_by_authenticity_and_not_by_the_frechet_distance(digits: Responses) -> None:
    assert last(digits, "auth", "memorisation") == "notices"
    assert last(digits, "copying", "memorisation") == "notices"
    assert last(digits, "fd", "memorisation") == "misses"


def test_duplicates_are_seen_by_near_duplicates_and_fool_or_pass_the_classifier_score(digits: Responses) -> None:
    assert last(digits, "dup", "duplicates") == "notices"
    assert last(digits, "is", "duplicates") in ("misses", "fooled")


def test_a_constant_on_a_mode_is_perfect_to_the_high_quality_share(ring8: Responses) -> None:
    assert values(ring8, "hq", "constant sample")[-1] == 100
    assert last(ring8, "hq", "constant sample") != "notices"


def test_dropped_points_are_counted_exactly(ring8: Responses) -> None:
    assert values(ring8, "modes", "mode dropping") == [8, 7, 6, 4, 1]
    assert values(ring8, "rkl", "mode dropping")[-1] == pytest.approx(math.log(8), abs=1e-3)


def test_real_images_are_those_of_the_row_real_data(suite: Suite, digits: Responses) -> None:
    _, folder, _ = suite
    record = files.read_json(folder / "results/small/references/digits/reference.json")
    assert record is not None
    assert digits.real == record["real"]


def test_spread_is_of_redrawn_real_samples(digits: Responses) -> None:
    assert len(digits.redrawn) == responses.REDRAWS
    assert all(spread is not None for spread in digits.spread.values())
    (name,) = (name for name in digits.real if name.startswith("copying"))
    assert abs(digits.centre[name] or 9.0) < 1.5  # exchangeable sides: 0 in theory, with standard deviation 1


def made_up(digits: Responses, value: float | None) -> Responses:
    """Responses in which every metric has a spread of about 1 around 0 and one value under noise."""
    flat = dict.fromkeys(digits.real, 0.0)
    redrawn = [dict.fromkeys(flat, -1.0), dict.fromkeys(flat, 0.0), dict.fromkeys(flat, 1.0)]
    return replace(digits, real=flat, redrawn=redrawn, spoilt={"noise": [dict.fromkeys(flat, value)]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "lower", "higher", "none"),
    [
        (5.0, "misses", "misses", "misses"),
        (5.1, "notices", "fooled", "notices"),
        (-5.1, "fooled", "notices", "notices"),
        (None, "undefined", "undefined", "undefined"),
    ],
)
def test_the_rule(digits: Responses, value: float | None, lower: str, higher: str, none: str) -> None:
    of = made_up(digits, value)
    assert [last(of, short, "noise") for short in ("fd", "coverage", "auth")] == [lower, higher, none]


def test_a_metric_without_spread_notices_any_change(digits: Responses) -> None:
    flat = dict.fromkeys(digits.real, 8.0)
    spoilt = {"noise": [dict.fromkeys(flat, 8.0), dict.fromkeys(flat, 8.5)]}
    of = replace(digits, real=flat, redrawn=[flat, flat], spoilt=spoilt)  # type: ignore[arg-type]
    (name,) = (name for name in flat if name.startswith("fd_"))
    assert of.verdicts(name, "noise") == ["misses", "notices"]


def test_the_page_says_where_a_metric_fails(suite: Suite) -> None:
    _, folder, found = suite
    text = (folder / "page/sanity.md").read_text("utf-8")
    assert "Generated by `python -m ganbench.sanity" in text
    for responses_of in found.values():
        for name, measure in responses_of.dataset.measures.items():
            sentence = page.failures(responses_of, name)
            assert f"- {sentence}\n" in text
            failed = sentence.partition("** ")[2].partition("on the way")[0]
            for corruption in responses_of.corruptions:
                verdict = responses_of.verdicts(name, corruption.title)[-1]
                assert (corruption.title in failed) == (verdict != "notices")
            assert f"| {measure.trait('title')} | " in text
    assert "No metric of ring8 notices memorisation." in text
    assert "Classification accuracy score" in text.partition("Not tested")[2]  # says what it leaves out
    network = found["digits"].protocol["extractors"]["digits-cnn"]  # type: ignore[index]
    assert network["weights_sha256"] in text


def test_the_figures_are_small_and_complete(suite: Suite) -> None:
    _, folder, found = suite
    for label, of in found.items():
        figure = folder / f"page/sanity-{label}.svg"
        assert figure.stat().st_size < 300_000
        drawn = figure.read_text("utf-8")
        assert all(corruption.title.split(" ")[0] in drawn for corruption in of.corruptions)


def test_the_same_responses_make_the_same_page_and_leave_what_is_written_by_hand(
    suite: Suite,
) -> None:
    plan, folder, found = suite
    path = folder / "page/sanity.md"
    before = path.read_text("utf-8")
    figures = {figure: figure.read_bytes() for figure in path.parent.glob("*.svg")}
    path.write_text(f"By hand.\n{before}Also by hand.\n", "utf-8")
    page.write(plan, list(found.values()), path.parent)
    assert path.read_text("utf-8") == f"By hand.\n{before}Also by hand.\n"
    assert figures == {figure: figure.read_bytes() for figure in path.parent.glob("*.svg")}
    path.write_text(before, "utf-8")


def test_images_without_labels_are_refused_in_a_sentence(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, folder, _ = suite
    monkeypatch.chdir(folder)
    read = data.read
    monkeypatch.setattr(data, "read", lambda *what: data.Split(read(*what).samples))
    assert command.main([str(plan.file)]) == 1
    assert "'digits' have no labels" in capsys.readouterr().err


def test_an_invalid_study_is_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("study: bad\n")
    assert command.main([str(file)]) == 2
    assert "datasets" in capsys.readouterr().err
