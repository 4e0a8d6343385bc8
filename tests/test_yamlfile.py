"""Reading YAML: numbers as people write them, and nothing but YamlError for a file that is no good."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ganbench.yamlfile import YamlError, read


def _read(folder: Path, text: str) -> dict[str, object]:
    path = folder / "file.yaml"
    path.write_text(text, "utf-8")
    return read(path)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3e-4", 3e-4),
        ("1e3", 1e3),
        ("-2E+5", -2e5),
        ("+1e2", 1e2),
        ("2.5e-3", 2.5e-3),
        ("2.0e-4", 2e-4),
        ("1.5", 1.5),
        ("-7", -7),
        ("0", 0),
        ("true", True),
        ("null", None),
    ],
)
def test_numbers_and_constants(tmp_path: Path, written: str, value: object) -> None:
    found = _read(tmp_path, f"a: {written}")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("written", ["1e", "e3", "1e3x", "-e5", "wgan-gp", "1.2.3", "ring8", "'3e-4'", "--1e3"])
def test_words_stay_strings(tmp_path: Path, written: str) -> None:
    assert _read(tmp_path, f"a: {written}")["a"] == written.strip("'")


@pytest.mark.parametrize(
    ("text", "key", "first", "second"),
    [
        ("a: 1\nb: 2\na: 3\n", "a", 1, 3),
        ("top:\n  lr: 1\n  lr: 1\n", "lr", 2, 3),
        ("list:\n- x: 1\n  y: 2\n  x: 3\n", "x", 2, 4),
    ],
)
def test_a_key_given_twice_is_an_error_with_its_line(
    tmp_path: Path, text: str, key: str, first: int, second: int
) -> None:
    with pytest.raises(YamlError, match=f"line {second}.*'{key}' is given twice"):
        _read(tmp_path, text)
    assert first < second


def test_keys_that_become_equal_as_words_are_given_twice(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match="given twice"):
        _read(tmp_path, "1: a\n'1': b\n")


def test_an_anchor_can_be_merged_and_overridden(tmp_path: Path) -> None:
    found = _read(tmp_path, "x: &x {lr: 1, n: 2}\ny: {<<: *x, lr: 3}\n")
    assert found["y"] == {"lr": 3, "n": 2}


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match=r"file\.yaml: line 2: "):
        _read(tmp_path, "a: 1\nb: ]\nc: 2\n")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match=r"nowhere\.yaml: cannot read this file: No such file"):
        read(tmp_path / "nowhere.yaml")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match="cannot read this file"):
        read(tmp_path)


def test_text_in_another_encoding_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: é".encode("latin-1"))
    with pytest.raises(YamlError, match=r"not UTF-8.*at byte 3"):
        read(path)


@pytest.mark.parametrize(("text", "found"), [("- 1\n", "list"), ("word", "str"), ("", "NoneType"), ("3", "int")])
def test_only_a_mapping_is_accepted(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(YamlError, match=f"expected a mapping.*found {found}"):
        _read(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!int ''",
        "a: !!float ''",
        "a: !!bool x",
        "a: !!timestamp x",
        "? !!set {a}\n: 1",
        "a: !!python/name:os.system",
        "a: &x [*x]",
        "[1, 2]: 3",
        "a: 2001-99-99",
        "a: " + "[" * 3000,
    ],
)
def test_values_that_yaml_cannot_build_are_yaml_errors(tmp_path: Path, text: str) -> None:
    with pytest.raises(YamlError):
        _read(tmp_path, text)


PIECES = st.sampled_from(
    [
        *"abc:-[]{},?'\"|>#1~%@é\\\t\n\0",
        ": ",
        "- ",
        "\n  ",
        "&x ",
        "*x",
        "!!int ",
        "!!set ",
        "e3",
        "0x",
        "<<: ",
        "2001-01-01",
    ]
)


@given(st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=20).map("".join)))
@example("a: !!int ''")
@example("a: !!bool x")
def test_any_text_is_a_mapping_or_a_yaml_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    said, found = "", {}
    try:
        found = read(path)
    except YamlError as error:
        said = str(error)
    assert said.startswith(f"{path}: ") or not said
    assert isinstance(found, dict)
    assert all(isinstance(key, str) for key in found)
