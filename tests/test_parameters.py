"""Paths of settings, and values laid over recipes."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ganbench import method, parameters, plugins, study
from ganbench.parameters import Parameter

REGISTRY = plugins.discover()


def _recipe(name: str = "wgan-gp", **own: Any) -> dict[str, Any]:
    return method.compose([*method.layers(REGISTRY, name), own], "points")


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("n_critic", ["n_critic"]),
        ("optimizer.betas[0]", ["optimizer", "betas", 0]),
        ("architecture.generator_widths[12]", ["architecture", "generator_widths", 12]),
    ],
)
def test_a_path_is_keys_and_indices(path: str, keys: list[Any]) -> None:
    assert parameters.parse(path) == keys


@pytest.mark.parametrize("path", ["", ".lr", "optimizer.", "optimizer..lr", "betas[-1]", "betas[x]", "a b", "[0]"])
def test_what_is_no_path_says_so(path: str) -> None:
    with pytest.raises(ValueError, match="is no path of a setting"):
        parameters.parse(path)


def test_optimizer_is_both_and_reads_as_none_where_they_differ() -> None:
    changed = parameters.laid(_recipe(), {"optimizer.lr": 3e-3})
    assert parameters.read(changed, "generator_optimizer.lr") == parameters.read(changed, "optimizer.lr") == 3e-3
    assert parameters.read(parameters.laid(changed, {"generator_optimizer.lr": 1e-3}), "optimizer.lr") is None


def test_a_place_in_a_list_leaves_the_others() -> None:
    changed = parameters.laid(_recipe(), {"optimizer.betas[0]": 0.25})
    assert changed["generator_optimizer"]["betas"] == [0.25, 0.9]
    assert _recipe()["generator_optimizer"]["betas"] == [0.5, 0.9]  # and the recipe is as it was


def test_another_name_takes_the_old_settings_away_and_keeps_what_is_laid_with_it() -> None:
    changed = parameters.laid(_recipe(), {"optimizer.lr": 1e-2, "optimizer.name": "sgd", "penalty": "r1"})
    assert changed["discriminator_optimizer"] == {"name": "sgd", "lr": 1e-2, "momentum": 0.0, "weight_decay": 0.0}
    assert changed["penalty"] == {"name": "r1"}


def test_another_optimizer_keeps_its_rate_and_has_a_list_of_its_own() -> None:
    changed = parameters.laid(_recipe("wgan"), {"optimizer.name": "adam", "optimizer.betas[0]": 0.5})
    assert parameters.read(changed, "optimizer.lr") == parameters.read(_recipe("wgan"), "optimizer.lr")
    assert parameters.read(changed, "optimizer.betas[0]") == 0.5
    study.resolved_method(changed)


def test_the_same_name_takes_nothing_away() -> None:
    assert parameters.laid(_recipe(), {"optimizer.name": "adam", "loss": "wasserstein"}) == _recipe()


def test_own_values_are_those_that_apply() -> None:
    found = parameters.own(
        _recipe(),
        (
            Parameter("optimizer.name", ("choice", "adam", "rmsprop")),
            Parameter("optimizer.betas[0]", ("linear", 0.0, 0.9), {"optimizer.name": "adam"}),
            Parameter("optimizer.alpha", ("linear", 0.0, 0.9), {"optimizer.name": "rmsprop"}),
        ),
    )
    assert found == {"optimizer.name": "adam", "optimizer.betas[0]": 0.5}


@given(
    lr=st.floats(1e-6, 1.0),
    beta=st.floats(0.0, 0.99),
    weight=st.floats(0.01, 100.0),
    critic=st.integers(1, 9),
    chosen=st.sets(st.sampled_from(["optimizer.lr", "discriminator_optimizer.betas[0]", "penalty.weight", "n_critic"])),
    name=st.sampled_from(["wgan-gp", "dragan"]),
)
def test_the_changed_parts_pasted_into_a_study_are_the_method_that_was_found(
    lr: float, beta: float, weight: float, critic: int, chosen: set[str], name: str
) -> None:
    all_values = {
        "optimizer.lr": lr, "discriminator_optimizer.betas[0]": beta, "penalty.weight": weight, "n_critic": critic,
    }  # fmt: skip
    values = {path: all_values[path] for path in sorted(chosen)}
    found = parameters.laid(_recipe(name), values)
    for path, value in values.items():
        assert parameters.read(found, path) == value
    pasted = yaml.safe_load(yaml.safe_dump(parameters.changed_parts(found, values)))
    assert study.resolved_method(_recipe(name, **pasted)) == study.resolved_method(found)
