"""Recipes: what lies over what, and that the built-in ones are those of their papers."""

from pathlib import Path
from typing import Any

import pytest
from conftest import StudyFile

from ganbench import plugins, runs
from ganbench.method import Conditioning, RecipeError, as_parts, compose, layers
from ganbench.plugins import Registry


def _resolved(path: Path) -> dict[str, dict[str, Any]]:
    """The method of each label, as trained on `ring8` and on `digits`."""
    return {f"{run.method} on {run.dataset}": run.spec["method"] for run in runs.plan(path).runs}


def _adam(lr: float, *betas: float) -> dict[str, Any]:
    return {"name": "adam", "lr": lr, "betas": list(betas), "eps": 1e-8, "weight_decay": 0.0}


WGAN_RMSPROP = {"name": "rmsprop", "lr": 5e-5, "alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "weight_decay": 0.0}
DCGAN_ADAM = _adam(2e-4, 0.5, 0.999)
TTUR_D, TTUR_G = _adam(1e-4, 0.5, 0.999), _adam(5e-4, 0.5, 0.999)
GP_POINTS, GP_IMAGES = _adam(1e-4, 0.5, 0.9), _adam(1e-4, 0.0, 0.9)
TWO_SIDED = {"target": 1.0, "sided": "two", "epsilon": 0.0}
LECAM = ("lecam", {"weight": 0.3, "decay": 0.99, "start": 4000})
DRAGAN = ("dragan", {"weight": 10.0, "target": 1.0, "reach": 0.5, "of": "score", "epsilon": 0.0})
SPECTRAL = ("spectral-normalisation", {"power_iterations": 1})
CLIP = ("weight-clipping", {"bound": 0.01})

# loss, penalty, constraint, discriminator optimizer, generator optimizer, n_critic
GOLDEN: dict[str, tuple[Any, ...]] = {
    "minimax on ring8": ("minimax", None, None, DCGAN_ADAM, DCGAN_ADAM, 1),
    "minimax on digits": ("minimax", None, None, DCGAN_ADAM, DCGAN_ADAM, 1),
    "non-saturating on ring8": ("non-saturating", None, None, DCGAN_ADAM, DCGAN_ADAM, 1),
    "non-saturating on digits": ("non-saturating", None, None, DCGAN_ADAM, DCGAN_ADAM, 1),
    "wgan on ring8": ("wasserstein", None, CLIP, WGAN_RMSPROP, WGAN_RMSPROP, 5),
    "wgan on digits": ("wasserstein", None, CLIP, WGAN_RMSPROP, WGAN_RMSPROP, 5),
    "wgan-gp on ring8": (
        "wasserstein",
        ("gradient-penalty", {"weight": 0.1, **TWO_SIDED}),
        None,
        GP_POINTS,
        GP_POINTS,
        5,
    ),
    "wgan-gp on digits": (
        "wasserstein",
        ("gradient-penalty", {"weight": 10.0, **TWO_SIDED}),
        None,
        GP_IMAGES,
        GP_IMAGES,
        5,
    ),
    "ttur on ring8": ("non-saturating", None, None, TTUR_D, TTUR_G, 1),
    "ttur on digits": ("non-saturating", None, None, TTUR_D, TTUR_G, 1),
    "lsgan on ring8": ("least-squares", None, None, DCGAN_ADAM | {"lr": 1e-4}, DCGAN_ADAM | {"lr": 1e-3}, 1),
    "lsgan on digits": ("least-squares", None, None, DCGAN_ADAM | {"lr": 1e-3}, DCGAN_ADAM | {"lr": 1e-3}, 1),
    "hinge on ring8": ("hinge", None, None, WGAN_RMSPROP | {"lr": 1e-3}, WGAN_RMSPROP | {"lr": 1e-3}, 1),
    "hinge on digits": ("hinge", None, None, WGAN_RMSPROP | {"lr": 2e-4}, WGAN_RMSPROP | {"lr": 2e-4}, 1),
    **{
        f"{name} on {data}": (*parts, optimizer, optimizer, n_critic)
        for data in ("ring8", "digits")
        for name, parts, optimizer, n_critic in [
            ("dragan", ("non-saturating", DRAGAN, None), _adam(1e-4, 0.5, 0.9), 1),
            ("r1", ("non-saturating", ("r1", {"gamma": 10.0}), None), WGAN_RMSPROP | {"lr": 1e-4}, 1),
            ("r3gan", ("relativistic", ("r1-r2", {"gamma": 0.1}), None), _adam(2e-4, 0.0, 0.99), 1),
            ("rpgan", ("relativistic", None, None), DCGAN_ADAM, 1),
            ("ragan", ("relativistic-average", None, None), DCGAN_ADAM, 1),
            ("sngan", ("hinge", None, SPECTRAL), _adam(2e-4, 0.0, 0.9), 5),
            ("lecam", ("hinge", LECAM, None), _adam(2e-4, 0.0, 0.999), 4),
            ("dcgan", ("non-saturating", None, None), DCGAN_ADAM, 1),
            ("minibatch-discrimination", ("non-saturating", None, None), DCGAN_ADAM, 1),
            ("cgan", ("non-saturating", None, None), DCGAN_ADAM, 1),
            ("acgan", ("non-saturating", None, None), DCGAN_ADAM, 1),
            ("gan-cls", ("non-saturating", None, None), DCGAN_ADAM, 1),
            ("projection", ("hinge", None, SPECTRAL), _adam(2e-4, 0.0, 0.9), 5),
        ]
    },
    **{
        f"pacgan{samples} on {data}": ("non-saturating", None, None, optimizer, optimizer, 1)
        for samples in (2, 3, 4)
        for data, optimizer in (("ring8", _adam(1e-4, 0.8, 0.999)), ("digits", DCGAN_ADAM))
    },
    **{
        f"unrolled{steps} on {data}": ("minimax", None, None, *optimizers, 1)
        for steps in (1, 5, 10)
        for data, optimizers in (
            ("ring8", (_adam(1e-4, 0.5, 0.999), _adam(1e-3, 0.5, 0.999))),
            ("digits", (_adam(2e-4, 0.5, 0.99), _adam(1e-4, 0.5, 0.99))),
        )
    },
}
RULES: dict[str, dict[str, Any]] = {
    **{key: {"lr_decay": "linear"} for key in ("sngan", "projection")},
    "minibatch-discrimination": {"architecture": {"minibatch": "discrimination"}},
    **{f"pacgan{samples}": {"packing": samples} for samples in (2, 3, 4)},
    **{f"unrolled{steps}": {"unrolled": steps} for steps in (1, 5, 10)},
}
"""Update rules that are not the usual ones."""
USUAL: dict[str, Any] = {
    "simultaneous": False, "unrolled": 0, "packing": 1, "penalty_interval": 1, "augment": [], "top_k": None,
    "lr_decay": None, "architecture": {}, "ema": None,
}  # fmt: skip

METHODS = list(dict.fromkeys(key.split(" on ")[0] for key in GOLDEN))


def test_the_built_in_methods_have_the_settings_of_their_papers(study_file: StudyFile) -> None:
    found = _resolved(study_file(datasets=["ring8", "digits"], methods=METHODS, seeds=[0]))
    table = {
        key: (
            method["loss"]["name"],
            method["penalty"] and (method["penalty"]["name"], method["penalty"]["settings"]),
            method["constraint"] and (method["constraint"]["name"], method["constraint"]["settings"]),
            method["discriminator_optimizer"],
            method["generator_optimizer"],
            method["n_critic"],
        )
        for key, method in found.items()
    }
    assert table == GOLDEN
    rules = {key: {rule: method[rule] for rule in USUAL} for key, method in found.items()}
    assert rules == {key: USUAL | RULES.get(key.split(" on ")[0], {}) for key in GOLDEN}


TOLD: dict[str, dict[str, Any]] = {
    "cgan": {},
    "acgan": {"discriminator": "classifier"},
    "projection": {"generator": "normalisation", "discriminator": "projection"},
    "gan-cls": {"discriminator": "projection", "encoder": "gru", "matching": True},
}
"""How the recipes condition that are of a paper on it, where it is not as usual."""


def test_conditional_recipes_condition_as_in_their_papers(study_file: StudyFile) -> None:
    told = [{"name": "digits", "condition": "label"}]
    found = _resolved(study_file(datasets=told, architectures=["dcgan"], methods=list(TOLD), seeds=[0]))
    usual = Conditioning().model_dump(mode="json")
    ways = {key.split(" on ")[0]: method["conditional"] for key, method in found.items()}
    assert ways == {name: usual | changed for name, changed in TOLD.items()}


FROM_IMAGES = {"pix2pix": (100.0, 1.0), "l1": (100.0, 0.0)}
"""Recipes that need the true image of a condition: weights of the reconstruction and of the adversary."""


def test_recipes_from_images_have_the_settings_of_their_paper(study_file: StudyFile) -> None:
    task = {"name": "digits", "condition": "super-resolution"}
    for name, method in _resolved(
        study_file(datasets=[task], architectures=["unet"], methods=list(FROM_IMAGES), seeds=[0])
    ).items():
        wishes = method["conditional"]
        assert (wishes["reconstruction"], wishes["adversarial"]) == FROM_IMAGES[name.split(" on ")[0]]
        assert method["loss"]["name"] == "non-saturating"
        assert method["generator_optimizer"] == method["discriminator_optimizer"] == DCGAN_ADAM


def test_every_built_in_recipe_is_in_these_tables() -> None:
    assert sorted([*METHODS, *FROM_IMAGES]) == plugins.discover().names("method")


@pytest.mark.parametrize("name", [*METHODS, *FROM_IMAGES])
def test_every_built_in_recipe_has_a_title_and_cites_its_paper(name: str) -> None:
    recipe = layers(plugins.discover(), name)[-1]
    assert recipe["title"]
    assert "arXiv:" in recipe["citation"]


def test_each_layer_beats_the_one_below() -> None:
    base = {"n_critic": 1, "on_points": {"n_critic": 2}, "on_images": {"n_critic": 3}}
    recipe = {"n_critic": 4, "on_points": {"n_critic": 5}, "on_images": {"n_critic": 6}}
    entry = {"n_critic": 7}
    assert compose([base], "points")["n_critic"] == 2
    assert compose([base], "images")["n_critic"] == 3
    assert compose([base, {"n_critic": 4}], "points")["n_critic"] == 4
    assert compose([base, recipe], "points")["n_critic"] == 5
    assert compose([base, recipe], "images")["n_critic"] == 6
    assert compose([base, recipe, entry], "points")["n_critic"] == 7


def test_settings_of_the_same_thing_merge_key_by_key() -> None:
    below = {"penalty": {"name": "gp", "weight": 10, "centre": 1}}
    assert compose([below, {"penalty": {"weight": 3}}], "points") == {
        "penalty": {"name": "gp", "weight": 3, "centre": 1}
    }
    assert compose([below, {"penalty": {"name": "gp", "weight": 3}}], "points")["penalty"]["centre"] == 1


@pytest.mark.parametrize("other", ["r1", {"name": "r1"}])
def test_another_name_replaces_instead_of_merging(other: Any) -> None:
    below = {"penalty": {"name": "gp", "weight": 10}}
    assert compose([below, {"penalty": other}], "points") == {"penalty": {"name": "r1"}}


def test_null_removes_a_part() -> None:
    assert compose([{"penalty": {"name": "gp"}}, {"penalty": None}], "points")["penalty"] is None


def test_optimizer_is_short_for_both() -> None:
    found = compose([{"optimizer": {"name": "adam", "lr": 1}}], "points")
    assert found == {
        "generator_optimizer": {"name": "adam", "lr": 1},
        "discriminator_optimizer": {"name": "adam", "lr": 1},
    }


@pytest.mark.parametrize("shorthand", ["adam", {"name": "adam"}])
def test_one_optimizer_refines_the_shorthand_of_the_same_layer(shorthand: Any) -> None:
    below = {"optimizer": {"name": "rmsprop", "lr": 5, "alpha": 0.9}}
    found = compose([below, {"optimizer": shorthand, "generator_optimizer": {"lr": 1}}], "points")
    assert found["generator_optimizer"] == {"name": "adam", "lr": 1}
    assert found["discriminator_optimizer"] == {"name": "adam"}


def test_compose_leaves_its_layers_alone() -> None:
    below = {"penalty": {"name": "gp", "weight": 10}, "optimizer": {"name": "adam", "lr": 1}}
    compose([below, {"penalty": {"weight": 3}, "optimizer": {"lr": 2}}], "points")
    assert below == {"penalty": {"name": "gp", "weight": 10}, "optimizer": {"name": "adam", "lr": 1}}


def test_describing_keys_are_not_part_of_what_is_trained() -> None:
    words = {"title": "t", "citation": "c", "name": "n", "label": "l", "base": "b", "on_points": {}, "on_images": {}}
    assert compose([{**words, "n_critic": 2}], "points") == {"n_critic": 2}


def test_inline_settings_take_the_shape_of_a_part() -> None:
    shaped = as_parts({"loss": {"name": "hinge", "margin": 2}, "penalty": None, "n_critic": 1})
    assert shaped == {"loss": {"name": "hinge", "settings": {"margin": 2}}, "penalty": None, "n_critic": 1}


def test_ttur_over_another_base_keeps_all_but_the_rates(study_file: StudyFile) -> None:
    entry = {"name": "ttur", "label": "gp-ttur", "base": "wgan-gp"}
    found = _resolved(study_file(datasets=["ring8", "digits"], methods=["wgan-gp", entry], seeds=[0]))
    for data in ("ring8", "digits"):
        below, over = found[f"wgan-gp on {data}"], found[f"gp-ttur on {data}"]
        assert over["generator_optimizer"] == {**below["generator_optimizer"], "lr": 5e-4}
        assert over["discriminator_optimizer"] == {**below["discriminator_optimizer"], "lr": 1e-4}
        rest = below.keys() - {"generator_optimizer", "discriminator_optimizer"}
        assert {key: over[key] for key in rest} == {key: below[key] for key in rest}


def test_an_entry_beats_the_recipe_on_the_data_it_is_for(study_file: StudyFile) -> None:
    entry = {"name": "wgan-gp", "penalty": {"weight": 3.0}, "on_images": {"n_critic": 2}, "optimizer": {"lr": 1e-3}}
    found = _resolved(study_file(datasets=["ring8", "digits"], methods=[entry], seeds=[0]))
    points, images = found["wgan-gp on ring8"], found["wgan-gp on digits"]
    assert points["penalty"]["settings"] == images["penalty"]["settings"] == {"weight": 3.0, **TWO_SIDED}
    assert (points["n_critic"], images["n_critic"]) == (5, 2)
    assert points["generator_optimizer"] == _adam(1e-3, 0.5, 0.9)
    assert images["generator_optimizer"] == _adam(1e-3, 0.0, 0.9)


def test_an_entry_can_remove_a_penalty_and_exchange_the_loss(study_file: StudyFile) -> None:
    entry = {"name": "wgan-gp", "loss": "non-saturating", "penalty": None}
    found = _resolved(study_file(methods=[entry], seeds=[0]))["wgan-gp on ring8"]
    assert found["loss"]["name"] == "non-saturating"
    assert found["penalty"] is None
    assert found["n_critic"] == 5


def _registry(folder: Path, **recipes: str) -> Registry:
    for name, text in recipes.items():
        (folder / f"{name}.yaml").write_text(text)
    return Registry({}, {name: folder / f"{name}.yaml" for name in recipes})


def test_layers_go_from_the_deepest_base_up(tmp_path: Path) -> None:
    registry = _registry(tmp_path, a="{base: b, n: a}", b="{base: c, n: b}", c="{n: c}", d="{n: d}")
    assert [recipe["n"] for recipe in layers(registry, "a")] == ["c", "b", "a"]
    assert [recipe["n"] for recipe in layers(registry, "a", base="d")] == ["d", "a"]


def test_a_base_that_leads_back_to_itself_is_an_error(tmp_path: Path) -> None:
    registry = _registry(tmp_path, a="base: b", b="base: c", c="base: b")
    with pytest.raises(RecipeError, match=r"'b' is its own base: a -> b -> c -> b"):
        layers(registry, "a")
    with pytest.raises(RecipeError, match="'a' is its own base"):
        layers(registry, "a", base="a")


def test_an_unknown_base_is_an_error_with_the_closest_name(tmp_path: Path) -> None:
    registry = _registry(tmp_path, gan="base: hinge", hinges="n: 1")
    with pytest.raises(RecipeError, match=r"unknown method 'hinge'; did you mean 'hinges'\?"):
        layers(registry, "gan")
