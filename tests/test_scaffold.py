"""`ganbench new`, `ganbench list` and `ganbench show`."""

from pathlib import Path

import pytest

from ganbench import cards, cli, plugins, scaffold, show
from ganbench.plugins import KINDS_AND_METHOD
from ganbench.scaffold import ScaffoldError


@pytest.mark.parametrize("kind", KINDS_AND_METHOD)
def test_new_writes_a_plugin_and_a_test_of_that_name(kind: str, tmp_path: Path) -> None:
    plugin, test = scaffold.write(kind, "very-own_thing", tmp_path / "new" / "folder")
    assert plugin.stem == "very_own_thing"
    assert test.name == "test_very_own_thing.py"
    assert plugin.name in test.read_text()
    assert "my_plugin" not in test.read_text()
    assert plugins.knowing(plugin)[0].source(kind, "very-own-thing") == "file"


@pytest.mark.parametrize("there", ["my_loss.py", "test_my_loss.py"])
def test_new_overwrites_nothing(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(ScaffoldError, match=rf"{there}: exists already"):
        scaffold.write("loss", "my_loss", tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MyLoss", "'my_loss' would do"),
        ("my loss", "'my_loss' would do"),
        ("2fast", "'fast' would do"),
        ("../up", "'up' would do"),
        ("", "cannot be a plugin's name"),
        ("a__b", "'a_b' would do"),
        ("lambda", "word of Python's own; call it my_lambda"),
        ("hinge", r"loss 'hinge' exists already \(built-in\)"),
        ("non_saturating", r"loss 'non-saturating' exists already \(built-in\)"),
    ],
)
def test_new_refuses_a_name_that_cannot_be(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match=said):
        scaffold.write("loss", name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_new_says_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new", "penalty", "my_penalty", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"ganbench check {tmp_path / 'my_penalty.py'}" in said
    assert "plugins: [my_penalty.py]" in said


@pytest.mark.parametrize("kind", KINDS_AND_METHOD)
def test_every_built_in_plugin_can_be_shown(kind: str) -> None:
    registry = plugins.discover()
    for name in registry.names(kind):
        said = show.described(registry, name, kind)
        assert said.startswith(f"{kind} {name}")
        assert "Source:  built-in" in said
        for setting in registry.card(kind, name).fields if kind != "method" else ():
            assert f"  {setting}: " in said


def test_show_says_settings_search_space_traits_and_source(tmp_path: Path) -> None:
    path, _ = scaffold.write("penalty", "my_penalty", tmp_path)
    said = show.described(*_shown(path))
    assert "weight: NonNegativeFloat = 0.01    [search: 0.0001 to 1.0, log]" in said
    assert "per_sample: False" in said
    assert f"Source:  file\nFile:    {path}\n" in said


def _shown(path: Path) -> tuple[plugins.Registry, str, str]:
    registry, kind = plugins.knowing(path)
    return registry, cards.name_of(path), kind


def test_show_of_a_recipe_is_complete_on_both_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", "wgan-gp"]) == 0
    said = capsys.readouterr().out
    assert "Gulrajani et al. 2017" in said
    points, images = said.split("On images:")
    assert "penalty: {name: gradient-penalty, weight: 0.1, target: 1.0, sided: two, epsilon: 0.0}" in points
    assert "penalty: {name: gradient-penalty, weight: 10.0, " in images
    assert "n_critic: 5" in points


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hinje"], "no plugin is called 'hinje'; did you mean 'hinge'?"),
        (["dragan"], "'dragan' is a penalty and a method; say which: `ganbench show dragan --kind penalty`"),
        (["dragan", "--kind", "loss"], "unknown loss 'dragan'"),
        (["nowhere.py"], "nowhere.py: cannot read this plugin file"),
    ],
)
def test_show_of_what_is_not_one_plugin_is_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["show", *arguments]) == 1
    assert said in capsys.readouterr().err
