"""Feature extractors, one file each: a frozen dataclass `Extractor`, a network from images to features."""
