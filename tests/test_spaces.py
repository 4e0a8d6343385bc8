"""Search spaces travel with plugins, and are checked with them."""

from pathlib import Path

import pytest

from ganbench import cards, spaces
from ganbench.cards import PluginError, read_card

CLASS = """
class Loss:
    search: ClassVar[dict[str, tuple[Any, ...]]] = {search}

    weight: PositiveFloat = 1.0
    share: float = 0.5
    depth: PositiveInt = 2
    sided: Literal["one", "two"] = "one"
    widths: tuple[int, ...] = (1, 2)
    few: Literal[0.1, 0.2] = 0.1
"""


def _card(folder: Path, search: str) -> cards.Card:
    path = folder / "my_loss.py"
    path.write_text(CLASS.replace("{search}", search))
    return read_card(path)


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("{'weight': ('log', 0.1, 100.0)}", "0.1 to 100.0, log"),
        ("{'weight': ('log', 1, 100)}", "1 to 100, log"),
        ("{'share': ('linear', -1.0, 1.0)}", "-1.0 to 1.0, linear"),
        ("{'depth': ('int', 1, 4)}", "1 to 4, int"),
        ("{'sided': ('choice', 'one', 'two')}", "one or two"),
        ("{'widths': ('choice', (1,), (1, 2))}", "(1,) or (1, 2)"),
    ],
)
def test_a_space_is_read_and_put_in_words(tmp_path: Path, search: str, said: str) -> None:
    (space,) = _card(tmp_path, search).traits["search"].values()
    assert spaces.described(space) == said


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("['weight']", "`search` maps settings to tuples"),
        ("{'wieght': ('log', 1, 2)}", "names 'wieght', which is no setting .*weight"),
        ("{'weight': ('log', 0.0, 1.0)}", "above 0"),
        ("{'weight': ('linear', 2.0, 1.0)}", "the lowest value is below the highest"),
        ("{'weight': ('linear', 1.0, 1e999)}", "finite"),
        ("{'weight': ('linear', -1.0, 1.0)}", r"-1\.0 is not PositiveFloat"),
        ("{'weight': ('uniform', 1.0, 2.0)}", "begins with one of log, linear, int, choice"),
        ("{'weight': 3}", "begins with one of"),
        ("{'weight': ()}", "begins with one of"),
        ("{'weight': ('log', 1.0)}", "takes two numbers"),
        ("{'weight': ('log', True, 2.0)}", "takes two numbers"),
        ("{'depth': ('int', 1, 2.5)}", "takes two whole numbers"),
        ("{'depth': ('linear', 1, 4)}", "is not PositiveInt"),
        ("{'depth': ('int', 0, 4)}", "0 is not PositiveInt"),
        ("{'few': ('linear', 0.1, 0.2)}", "is not Literal"),
        ("{'sided': ('choice', 'one')}", "two values or more"),
        ("{'sided': ('choice', 'one', 'three')}", "'three' is not Literal"),
    ],
)
def test_a_space_that_cannot_be_is_an_error(tmp_path: Path, search: str, said: str) -> None:
    with pytest.raises(PluginError, match=rf"my_loss\.py: .*{said}"):
        _card(tmp_path, search)
