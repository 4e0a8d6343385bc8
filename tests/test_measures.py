"""The name of a metric is its protocol: it can be read back, whatever the settings."""

from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench import cards, measures, plugins, specs
from ganbench.cards import Card
from ganbench.measures import Measure, MeasureError, parse

REGISTRY = plugins.discover()
METRICS = [REGISTRY.card("metric", name) for name in REGISTRY.names("metric")]
LABELS = st.one_of(st.none(), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,20}", fullmatch=True)).filter(
    lambda label: label is None or measures.can_name_an_extractor(label)
)
SAMPLES = st.one_of(st.integers(1, 10**9 - 1), st.integers(1, 10**6).map(lambda thousands: 1000 * thousands))


def metric(name: str, samples: int = 10_000, extractor: str | None = None, **settings: Any) -> Measure:
    card = REGISTRY.card("metric", name)
    return Measure(card, specs.with_settings(card, settings)["settings"], samples, extractor)


def values(written: str) -> st.SearchStrategy[Any]:
    """Values that fit a setting's type as it is written in a plugin."""
    scalars: dict[str, st.SearchStrategy[Any]] = {
        "PositiveInt": st.integers(1, 10**9),
        "NonNegativeInt": st.integers(0, 10**9),
        "PositiveFloat": st.floats(min_value=1e-300, max_value=1e300),
        "bool": st.booleans(),
        "None": st.none(),
    }
    literal = eval(written, {"Literal": Literal}) if written.startswith("Literal") else None
    if literal is not None and get_origin(literal) is Literal:
        return st.sampled_from(get_args(literal))
    return st.one_of([scalars[part] for part in written.split(" | ")])


@st.composite
def wanted(draw: st.DrawFn, card: Card) -> Measure:
    settings = {key: draw(values(field.written)) for key, field in card.fields.items()}
    full = specs.with_settings(card, settings)["settings"]
    assert full.keys() == card.fields.keys()
    return Measure(card, full, draw(SAMPLES), draw(LABELS))


def read(name: str, registry: plugins.Registry = REGISTRY) -> Measure:
    """A metric as its name says."""
    found = parse(name, registry)
    card = registry.card("metric", found["name"])
    settings, problems = plugins.resolve(card, found.get("settings", {}))
    assert problems == []
    return Measure(card, settings, found["samples"], found.get("extractor"))


@pytest.mark.parametrize("card", METRICS, ids=lambda card: card.name)
@given(data=st.data())
def test_a_name_reads_back_as_the_metric_that_it_names(card: Card, data: st.DataObject) -> None:
    measure = data.draw(wanted(card))
    assert read(measure.name) == measure
    assert read(measure.name).name == measure.name


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        (metric("frechet-distance", extractor="digits-cnn"), "fd_digits-cnn_10k"),
        (metric("frechet-distance", samples=2500), "fd_2500"),
        (metric("high-quality-share", samples=2500, rule="box"), "hq_rule=box_2500"),
        (metric("kernel-distance", extractor="cnn", subset_size=500), "kd_cnn_subset-size=500_10k"),
        (metric("modes-covered", share=1e-05), "covered_share=1e-05_10k"),
        (metric("modes-covered", share=None), "covered_10k"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_name_says_extractor_changed_settings_and_samples(measure: Measure, name: str) -> None:
    assert measure.name == name


def test_a_name_over_training_says_that_it_is_against_the_validation_split() -> None:
    final = metric("frechet-distance", extractor="digits-cnn", samples=2000)
    watched = Measure(final.card, final.settings, final.samples, final.extractor, "validation")
    assert watched.name == "fd_digits-cnn_validation_2k"
    assert watched.stem == final.stem == "fd_digits-cnn"
    assert watched.spec != final.spec


WORDS = '''
"""A metric whose settings are words."""
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Metric:
    """Words."""
    kinds: ClassVar[tuple[str, ...]] = ("points",)
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "words"
    title: ClassVar[str] = "Words"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = ""
    floor: ClassVar[str] = ""
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = ""
    order: ClassVar[int] = 99

    the_word: str = "one"
    some: tuple[str, ...] = ()
    sure: bool = False
'''


@given(word=st.text(max_size=8), some=st.lists(st.text(max_size=4), max_size=2), sure=st.booleans())
def test_any_word_can_be_a_setting(tmp_path_factory: pytest.TempPathFactory, word: str, some: Any, sure: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "words.py"
    path.write_text(WORDS)
    registry = plugins.discover([path])
    card = registry.card("metric", "words")
    measure = Measure(card, {"the_word": word, "some": some, "sure": sure}, 100, None)
    assert read(measure.name, registry) == measure


@pytest.mark.parametrize(("word", "written"), [("box", "box"), ("true", '"true"'), ("5", '"5"'), ("a_b", "a%5Fb")])
def test_a_word_is_written_bare_where_it_cannot_be_mistaken(word: str, written: str) -> None:
    assert measures._written(word) == written
    assert measures._read(written) == word


def test_a_metric_can_be_named_in_full_or_in_short() -> None:
    assert parse("fd", REGISTRY) == parse("frechet-distance", REGISTRY) == {"name": "frechet-distance"}
    assert parse("frechet-distance_2k", REGISTRY) == parse("fd_2k", REGISTRY)


def test_the_parts_of_a_name_can_stand_in_any_order() -> None:
    assert parse("kd_10k_subsets=5_cnn", REGISTRY) == parse("kd_cnn_subsets=5_10k", REGISTRY)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fdd", "unknown metric 'fdd'; did you mean 'fd'?"),
        ("densty_mnist-cnn_10k", "unknown metric 'densty_mnist-cnn'; did you mean 'density'?"),
        ("fid_10k", "FID is called 'fd' here, as it may be of any extractor's features: 'fd_10k'; as published, 'fd"),
        ("frechet_distance", "unknown metric 'frechet_distance'; did you mean 'frechet-distance'?"),
        ("mode-captured", "did you mean 'modes-captured'?"),
        ("FD_10k", "unknown metric 'FD'; did you mean 'fd'?"),
        ("", "unknown metric ''"),
        ("_", "unknown metric '_'"),
        ("fd_", "'fd_': cannot read ''"),
        ("fd__10k", "cannot read ''"),
        ("fd_10k_20k", "cannot read '20k'"),
        ("fd_cnn_inception", "cannot read 'inception'"),
        ("fd_digits-cnn_validation_2k", "cannot read 'validation'; a name is metric_extractor_setting=value_samples"),
        ("hq_rule=box_rule=ball", "cannot read 'rule=ball'"),
    ],
)
def test_a_name_that_cannot_be_read_is_an_error_with_its_part_and_the_closest(name: str, said: str) -> None:
    with pytest.raises(MeasureError) as error:
        parse(name, REGISTRY)
    assert said in str(error.value)


@given(st.one_of(st.text(), st.lists(st.sampled_from(["fd", "hq", "=", "rule", "10k", "[", "1e5", "%"])).map("_".join)))
def test_any_text_is_a_metric_or_an_error(text: str) -> None:
    try:
        found = parse(text, REGISTRY)
    except MeasureError:
        return
    assert found["name"] in REGISTRY.names("metric")


def test_no_name_and_no_short_name_belongs_to_two_metrics() -> None:
    names = [name for card in METRICS for name in {card.name, card.traits["short"]}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("file", "short"), [("mine.py", "fd"), ("mine.py", "frechet-distance"), ("fd.py", "mine")])
def test_a_metric_cannot_take_the_name_of_another(tmp_path: Any, file: str, short: str) -> None:
    (tmp_path / file).write_text(WORDS.replace('= "words"', f'= "{short}"'))
    with pytest.raises(
        cards.PluginError, match=rf"{file}: the name '{short if file == 'mine.py' else 'fd'}' belongs to"
    ):
        plugins.discover([tmp_path / file])


@pytest.mark.parametrize("label", ["a_b", "10k", "500", "validation", "test"])
def test_a_label_that_would_be_read_as_something_else_names_no_extractor(label: str) -> None:
    assert not measures.can_name_an_extractor(label)


@pytest.mark.parametrize(
    ("count", "text"), [(1, "1"), (999, "999"), (1000, "1k"), (2500, "2500"), (1_000_000, "1000k")]
)
def test_thousands_are_written_with_a_k(count: int, text: str) -> None:
    assert measures.count_text(count) == text
