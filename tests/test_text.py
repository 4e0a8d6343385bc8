"""Samples that are made for captions: from the data to the page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from conftest import ROOT, StudyFile
from PIL import Image
from torch.nn.functional import one_hot

from ganbench import captions, cards, data, extraction, gallery, given, layout, plugins, runs
from ganbench.data import Split
from ganbench.extraction import ExtractorError
from ganbench.extractors.attributes import Extractor
from ganbench.given import Form
from ganbench.problems import StudyError
from ganbench.report import collect, page

SIGNS = '''
"""Images of a bar, with captions."""
from dataclasses import dataclass
from typing import ClassVar
import torch
from ganbench import captions
from ganbench.data import Split
from ganbench.streams import stream

@dataclass(frozen=True)
class Dataset:
    """A bright or dim bar at the top, in the middle or at the bottom. None at the bottom is dim in training."""
    kind: ClassVar[str] = "images"
    size: ClassVar[int] = 16
    classes: ClassVar[int] = 3
    extractor: ClassVar[str] = "attributes"
    classifier_epochs: ClassVar[int] = 12
    accuracy_gate: ClassVar[float] = 0.9
    words: ClassVar[tuple[str, ...]] = ("a", "bright", "dim", "bar", "top", "middle", "bottom", "dark")
    contrast: float = 1.0

    def splits(self, raw):
        source = stream(0, "signs")
        def split(count, held_out):
            place = torch.randint(3, (4 * count,), generator=source)
            dim = torch.randint(2, (4 * count,), generator=source)
            kept = (held_out | (place < 2) | (dim == 0)).nonzero().flatten()[:count]
            place, dim = place[kept], dim[kept]
            images = 20 * torch.rand(count, 3, 16, 16, generator=source)
            texts = []
            for i in range(count):
                row = 1 + 5 * int(place[i])
                images[i, :, row : row + 4] += self.contrast * (100 if dim[i] else 220)
                texts.append(f"A {('bright', 'dim')[dim[i]]} {('top', 'middle', 'bottom')[place[i]]} bar.")
            EDIT
            return Split(images.to(torch.uint8), place, captions.parse(texts, self.words, "signs"))
        found = {"train": split(300, False), "validation": split(120, True), "test": split(140, True)}
        return {**found, "extractor": split(300, True)}
'''

DCGAN = [{"name": "dcgan", "width": 4, "noise_dim": 4}]
METRICS = ["attr-acc_100", {"name": "attribute-accuracy", "captions": "held-out", "whole": True}, "r-prec_others=9_100"]
NOT_TOLD = {"generator": "none", "discriminator": "none"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def signs(edit: str = "pass", condition: str | None = "caption", **changes: Any) -> tiny.Place:
    entry = {"name": "signs", **({"condition": condition} if condition else {}), **changes.pop("settings", {})}
    changes["evaluation"] = {"metrics": METRICS, **changes.pop("evaluation", {})}
    text = changes.pop("text", SIGNS).replace("EDIT", edit)
    return tiny.place({"signs.py": text}, datasets=[entry], architectures=DCGAN, **changes)


def prepare(place: tiny.Place) -> None:
    given.prepare([place.dataset], layout.RESULTS)


def test_conditions_are_the_words_of_the_captions() -> None:
    place = signs()
    prepare(place)
    found = given.read(place.dataset, "test")
    assert found is not None
    assert found.form == Form("text", (4,), 9)
    words = place.dataset.card.traits["words"]
    assert {captions.text(caption, words) for caption in found.values} == {
        f"a {light} {where} bar" for light in ("bright", "dim") for where in ("top", "middle", "bottom")
    }


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            "texts[7] = 'a brigt top bar'",
            "signs: the caption of sample 7, 'a brigt top bar': unknown word 'brigt'; .*'bri",
        ),
        ("texts[3] = ''", "signs: the caption of sample 3 is empty"),
        ("texts.pop()", "300 samples have 299 captions"),
        (
            "return Split(images.to(torch.uint8), place)",
            "'signs', split 'train', .*'caption': this data has no captions",
        ),
        (
            "found = captions.parse(texts, self.words, 'x'); found[7, 1] = 9; "
            "return Split(images.to(torch.uint8), place, found)",
            r"'signs', split 'train', .* sample 7 has words \[1, 9, .*known are 0 to 8",
        ),
        (
            "found = captions.parse(texts, self.words, 'x'); found[5] = 0; "
            "return Split(images.to(torch.uint8), place, found)",
            r"sample 5 has an empty caption",
        ),
    ],
)
def test_captions_that_are_missing_or_wrong_name_the_sample_and_leave_nothing(edit: str, said: str) -> None:
    place = signs(edit)
    with pytest.raises(data.DataError, match=said):
        prepare(place)
    assert not layout.data(place.dataset.key).exists()


def test_data_without_captions_is_a_problem_of_the_study(study_file: StudyFile) -> None:
    with pytest.raises(StudyError, match=r"datasets\[0\]\.condition.*digits has no captions"):
        runs.plan(study_file(datasets=[{"name": "digits", "condition": "caption"}], architectures=["mlp"]))


def test_metrics_of_captions_are_for_samples_with_captions() -> None:
    with pytest.raises(StudyError, match=r"attribute-accuracy needs captions, which signs .* does not have"):
        signs(condition=None)


def test_one_attribute_below_the_gate_refuses_the_reader() -> None:
    """Of bars that are all alike in light, the place can be read and the light cannot."""
    place = signs("dim[:] = 0; images = images.clamp(max=100)")
    prepare(place)
    with pytest.raises(ExtractorError, match=r"accuracy of 0\.\d+ for word 2 on the test split of 'signs'"):
        extraction.make(place.dataset, place.extractor)


def test_a_reader_that_says_what_usually_goes_together_is_found_out() -> None:
    """Words 1 to 4 at two places. 1 4 was never trained on; a reader that says 3 there instead is wrong only then."""
    train = torch.tensor([[1, 3], [2, 3], [2, 4]]).repeat(20, 1)
    test = torch.cat([train, torch.tensor([[1, 4]]).repeat(20, 1)])
    said = torch.where((test == torch.tensor([1, 4])).all(1, keepdim=True), torch.tensor([1, 3]), test)
    splits = (Split(torch.zeros(len(of)), None, of) for of in (train, test))
    logits = one_hot(said, 5).double().flatten(1)
    assert Extractor().accuracies(logits, *splits) == {
        "word 1": 1.0,
        "word 2": 0.75,
        "word 1, held-out captions": 1.0,
        "word 2, held-out captions": 0.0,
    }


def read_right(place: tiny.Place) -> None:
    """The reader passed its gate by attribute, and on what was held out from training."""
    card = json.loads(layout.extractor(place.extractor.key).read_text())
    assert card["split"] == "extractor"
    places, of = ("word 2", "word 3"), ("", ", held-out captions")
    assert set(card["test_accuracies"]) == {place + captions for place in places for captions in of}
    assert card["test_accuracy"] == min(card["test_accuracies"].values()) > 0.9
    network, _ = extraction.read(place.dataset, place.extractor)
    _, logits = extraction.describe(network, data.read(place.dataset, "test").samples)
    assert logits is not None
    assert logits.shape == (140, 4 * 9)


def test_from_captions_to_the_page() -> None:
    place = signs(methods=["gan-cls", {"name": "cgan", "label": "not-told", "conditional": NOT_TOLD}])
    prepare(place)
    place.prepare().train().evaluate()
    read_right(place)
    real, shuffled = place.reference["real"], place.reference["baseline"]
    accuracy, whole, precision = place.dataset.measures
    assert real[accuracy] > 95 < real[precision]
    assert shuffled["name"] == "real, shuffled"
    assert shuffled["metrics"][accuracy] == pytest.approx(100 * (1 / 2 + 1 / 3) / 2, abs=12)
    assert shuffled["metrics"][precision] < 40
    for method in ("gan-cls", "not-told"):
        [final, *_] = place.record(method)["evaluations"]
        assert all(0 <= final["metrics"][name] <= 100 for name in (accuracy, whole, precision))
        shown = json.loads((place.folder(method) / layout.CAPTIONS).read_text())["captions"]
        assert [of["held_out"] for of in shown] == [False] * 5 + [True]
        assert shown[-1]["text"] == "a dim bottom bar"
        assert (place.folder(method) / layout.CONDITIONS).is_file()
    html = page.render(collect.collect(place.plan), Path("page")).html
    assert html.count("<li>a dim bottom bar *</li>") == 1
    gallery.remove(place.folder("gan-cls"))
    assert not (place.folder("gan-cls") / layout.CAPTIONS).exists()


SCENES = {"train": ["a red ball", "a green box"], "validation": ["a red box"], "test": ["A green ball."]}


def scenes(folder: Path) -> Any:
    """The dataset of the docs, and pictures for it in a folder."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "text-to-image.md").read_text("utf-8"), re.DOTALL)
    Path("scenes.py").write_text(code)
    for name, texts in SCENES.items():
        (folder / "scenes" / name).mkdir(parents=True)
        lines = [f"{i}.png\t{text}\n" for i, text in enumerate(texts)]
        (folder / "scenes" / name / "captions.txt").write_text("".join(lines))
        for i in range(len(texts)):
            Image.new("RGB", (32, 32), (200, 10 * i, 0)).save(folder / "scenes" / name / f"{i}.png")
    return plugins.load(cards.read_card(Path("scenes.py")), {})


def test_the_dataset_of_the_docs_reads_captions(tmp_path: Path) -> None:
    found = scenes(tmp_path).splits(tmp_path)
    assert found["train"].captions.tolist() == [[1, 2, 4], [1, 3, 5]]
    assert found["test"].captions.tolist() == [[1, 3, 4]]
    assert found["train"].samples[1, :, 0, 0].tolist() == [200, 10, 0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1.png\ta rde ball", r"captions.txt: the caption of sample 1, 'a rde ball': unknown word 'rde'; .* 'red'"),
        ("1.png", "sample 1 is empty"),
        ("1.png\ta red ball a box", "sample 1 has 5 words, and 3 fit"),
        ("2.png\ta red ball", "2.png: cannot be read"),
    ],
)
def test_the_dataset_of_the_docs_names_the_sample(tmp_path: Path, line: str, said: str) -> None:
    dataset = scenes(tmp_path)
    with (tmp_path / "scenes" / "train" / "captions.txt").open("w") as file:
        file.write(f"0.png\ta red ball\n{line}\n")
    with pytest.raises(data.DataError, match=said):
        dataset.splits(tmp_path)
