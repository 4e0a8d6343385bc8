"""Plugins are read without being run, checked by name and type, and loaded from anywhere."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import CONFIGS

from ganbench import plugins
from ganbench.cards import MISSING, PluginError, read_card
from ganbench.plugins import resolve

GOOD = '''"""A loss of one's own.

More words.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True)
class Loss:
    """What it is,
    in two lines."""

    critic: ClassVar[bool] = True

    steps: PositiveInt
    scale: float = 1.5
    shape: tuple[int, ...] = (1, 2)
    mode: Literal["a", "b"] = "a"
    """Which,
    in two lines."""
    on: bool = False

    def discriminator(self, real, fake): ...
'''


def _write(folder: Path, source: str, name: str = "my_loss.py") -> Path:
    path = folder / name
    path.write_text(source)
    return path


def test_built_in_plugins_are_named_after_their_files() -> None:
    registry = plugins.discover()
    assert {"minimax", "non-saturating", "wasserstein"} <= set(registry.names("loss"))
    assert {"ring8", "grid25", "digits", "mnist"} <= set(registry.names("dataset"))
    assert {"mlp", "dcgan"} <= set(registry.names("architecture"))
    assert {"minimax", "non-saturating", "wgan", "wgan-gp", "ttur"} <= set(registry.names("method"))
    for kind, cards in registry.cards.items():
        for name, card in cards.items():
            assert (card.kind, card.name) == (kind, name)
            assert name == card.path.stem.replace("_", "-")


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, cards in plugins.discover().cards.items() for name in cards]
)
def test_every_built_in_plugin_has_a_summary_and_defaults_that_fit_its_types(kind: str, name: str) -> None:
    card = plugins.discover().card(kind, name)
    assert card.summary
    assert card.about
    settings, problems = resolve(card, {})
    assert problems == []
    assert settings.keys() == card.fields.keys()


def test_a_card_holds_what_the_file_declares(tmp_path: Path) -> None:
    card = read_card(_write(tmp_path, GOOD))
    assert (card.kind, card.name) == ("loss", "my-loss")
    assert {name: field.about for name, field in card.fields.items() if field.about} == {"mode": "Which, in two lines."}
    assert card.summary == "A loss of one's own."
    assert card.about == "What it is, in two lines."
    assert card.traits == {"critic": True}
    assert {name: field.default for name, field in card.fields.items()} == {
        "steps": MISSING,
        "scale": 1.5,
        "shape": (1, 2),
        "mode": "a",
        "on": False,
    }


def test_reading_a_plugin_does_not_run_it(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    source = f"open({str(trace)!r}, 'w')\nimport nonexistent_library\nclass Loss:\n    pass\n"
    assert read_card(_write(tmp_path, source)).name == "my-loss"
    assert not trace.exists()


CLASS = "class Loss:\n    "


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("class Loss:\n    x: int = = 1\n", "line 2: not valid Python"),
        ("x = 1\n", "exactly one of the classes .*Loss.*; found 0"),
        ("class Loss: ...\nclass Penalty: ...\n", "exactly one of the classes .*; found 2"),
        ("class Loss: ...\nclass Loss: ...\n", "exactly one of the classes .*; found 2"),
        (CLASS + "x: float = 1 / 3\n", "line 2: the value of 'x' must be a plain literal"),
        (CLASS + "x: float = math.pi\n", "line 2: the value of 'x' must be a plain literal"),
        (CLASS + "a: int = 1\n    x: torch.Tensor\n", "line 3: setting 'x' has type 'torch.Tensor'; settings are"),
        (CLASS + "x: list[int] = 0\n", r"line 2: setting 'x' has type 'list\[int\]'"),
    ],
)
def test_a_broken_file_is_an_error_with_file_and_line(tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(PluginError, match=rf"my_loss\.py: .*{said}"):
        read_card(_write(tmp_path, source))


@pytest.mark.parametrize("value", ["{[]: 1}", "{{}}"])
def test_a_literal_that_cannot_be_built_is_an_error_with_its_line(tmp_path: Path, value: str) -> None:
    with pytest.raises(PluginError, match=r"my_loss\.py: line 2: "):
        read_card(_write(tmp_path, CLASS + f"x: int = {value}\n"))


@pytest.mark.parametrize("written", ["int.width", "'int'", "3"])
def test_what_is_no_type_is_an_error_with_its_line(tmp_path: Path, written: str) -> None:
    with pytest.raises(PluginError, match=r"my_loss\.py: line 2: setting 'x' has type"):
        read_card(_write(tmp_path, CLASS + f"x: {written} = 1\n"))


def test_a_missing_file_and_bytes_that_are_no_text_are_errors(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"nowhere\.py: cannot read this plugin file: No such file"):
        read_card(tmp_path / "nowhere.py")
    path = tmp_path / "bytes.py"
    path.write_bytes(b"x = '\xff'\0")
    with pytest.raises(PluginError, match=r"bytes\.py: .*not valid Python"):
        read_card(path)


def test_a_file_of_another_kind_than_its_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="exactly one of the classes Penalty"):
        read_card(_write(tmp_path, GOOD), "penalty")


def test_a_plugin_cannot_take_the_name_of_a_built_in_one(tmp_path: Path) -> None:
    path = _write(tmp_path, GOOD, "non_saturating.py")
    with pytest.raises(PluginError, match=r"loss 'non-saturating' exists already in .*losses.*; rename the file"):
        plugins.discover([path])


def test_the_name_of_a_built_in_plugin_of_another_kind_is_free(tmp_path: Path) -> None:
    registry = plugins.discover([_write(tmp_path, GOOD, "ring8.py")])
    assert registry.card("loss", "ring8").path == tmp_path / "ring8.py"
    assert registry.card("dataset", "ring8").path != tmp_path / "ring8.py"


def test_resolve_fills_in_defaults_as_json_values(tmp_path: Path) -> None:
    card = read_card(_write(tmp_path, GOOD))
    settings, problems = resolve(card, {"steps": 3, "shape": [4], "scale": 2})
    assert problems == []
    assert settings == {"steps": 3, "scale": 2.0, "shape": [4], "mode": "a", "on": False}
    assert type(settings["scale"]) is float  # 2 and 2.0 are one setting and must have one digest


@pytest.mark.parametrize(
    ("given", "where", "said"),
    [
        ({"steps": 0}, "steps", "0 is not PositiveInt: .*greater than 0"),
        ({"steps": 1.0}, "steps", "1.0 is not PositiveInt"),
        ({"steps": "3"}, "steps", "'3' is not PositiveInt"),
        ({"steps": True}, "steps", "True is not PositiveInt"),
        ({"steps": 1, "mode": "c"}, "mode", "'c' is not Literal"),
        ({"steps": 1, "on": 1}, "on", "1 is not bool"),
        ({"steps": 1, "shape": [1, "x"]}, "shape", "is not tuple"),
        ({"steps": 1, "scale": None}, "scale", "None is not float"),
        ({"steps": 1, "scale": float("inf")}, "scale", "inf is not float"),
        ({"steps": 1, "scale": float("nan")}, "scale", "nan is not float"),
        ({}, "steps", r"loss 'my-loss' needs this setting \(PositiveInt\)"),
        ({"steps": 1, "scal": 2.0}, "scal", "loss 'my-loss' has no setting 'scal'; did you mean 'scale'"),
    ],
)
def test_resolve_names_the_setting_and_what_is_wrong(
    tmp_path: Path, given: dict[str, Any], where: str, said: str
) -> None:
    card = read_card(_write(tmp_path, GOOD))
    _, problems = resolve(card, given)
    assert [key for key, _ in problems] == [where]
    with pytest.raises(ValueError, match=said):
        raise ValueError(problems[0][1])


def test_resolve_finds_all_problems_at_once(tmp_path: Path) -> None:
    card = read_card(_write(tmp_path, GOOD))
    _, problems = resolve(card, {"scale": "x", "mode": 1, "bla": 2})
    assert {key for key, _ in problems} == {"steps", "scale", "mode", "bla"}


LOADABLE = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Loss:
    weights: tuple[float, ...] = (1.0, 2.0)
    pairs: tuple[tuple[int, int], ...] = ((1, 2),)
    scale: float = 3.0

    def discriminator(self, real, fake):
        return self.scale * sum(self.weights)
"""


def test_a_plugin_from_anywhere_is_loaded_with_its_settings(tmp_path: Path) -> None:
    card = read_card(_write(tmp_path, LOADABLE, "my-own loss.py"))
    settings, _ = resolve(card, {"weights": [4.0]})
    loss = plugins.load(card, settings)
    assert (loss.weights, loss.scale) == ((4.0,), 3.0)
    assert loss.discriminator(None, None) == 12.0
    assert plugins.load(card, resolve(card, {})[0]).weights == (1.0, 2.0)


def test_a_tuple_within_a_tuple_is_loaded_as_one(tmp_path: Path) -> None:
    card = read_card(_write(tmp_path, LOADABLE))
    assert plugins.load(card, resolve(card, {"pairs": [[3, 4]]})[0]).pairs == ((3, 4),)


def test_unknown_names_come_with_the_closest_and_with_all() -> None:
    assert plugins.unknown("unknown loss", "hinje", ["hinge", "wasserstein"]) == (
        "unknown loss 'hinje'; did you mean 'hinge'? (known: hinge, wasserstein)"
    )
    assert "did you mean" not in plugins.unknown("unknown loss", "zzz", ["hinge"])
    assert plugins.unknown("unknown loss", "zzz", []).endswith("(known: none)")


@pytest.mark.parametrize(
    "code",
    [
        "from pathlib import Path; from ganbench import runs; assert len(runs.plan(Path(study)).runs) == 60",
        "from ganbench import cli; assert cli.main(['check', study]) == 0",
        "from ganbench import cli; assert cli.main(['list']) == 0",
    ],
    ids=["plan", "check", "list"],
)
def test_planning_and_listing_import_no_torch(tmp_path: Path, code: str) -> None:
    heavy = "{'torch', 'numpy', 'pandas', 'matplotlib', 'sklearn'}"
    script = f"import sys; study = sys.argv[1]; {code}; assert not {heavy} & sys.modules.keys(), sys.modules.keys()"
    argv = [sys.executable, "-c", script, str(CONFIGS / "quick.yaml")]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
