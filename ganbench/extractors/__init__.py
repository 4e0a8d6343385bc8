"""Feature extractors, one file each: a frozen dataclass `Extractor` that makes a frozen network.

The network maps uint8 images (n, channels, size, size) to float features (n, d) and logits (n, classes), or None for
the logits. What it provides beyond features is the trait `provides`; "modes" says that a mode is a predicted class.
Where the network comes from is one of three:

- trained on the dataset: `trained(train: Split, classes: int, epochs: int)`, and `untrained(shape, classes)` of the
  same form, to load weights into. `classes` is the dataset's trait; of an extractor that provides "attributes" it is
  the number of words, and one for none, at all places of a caption. What passes the accuracy gate is the share of test
  samples whose class is right, or each number that `accuracies(logits, train: Split, test: Split)` returns by name.
  `train` is what a dataset has for extractors (`data.EXTRACTOR`), or its training split.
- pretrained: `pretrained(weights: Path)`, with what `ganbench.weights` asks for: a setting `weights: str = ""` and the
  traits `weights_url`, `weights_file`, `weights_sha256` and `weights_variable`.
- fixed, without weights to learn or to fetch: `fixed(shape: tuple[int, ...])`, such as smaller pixels.
"""
