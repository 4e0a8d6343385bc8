"""Adds the generated pages to the site."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from ganbench import catalogue


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Called by mkdocs with the pages that lie in docs/."""
    for path, text in catalogue.pages().items():
        files.append(File.generated(config, path, content=text))
    return files
