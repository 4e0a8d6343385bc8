"""Read YAML as people expect it: no duplicate keys, and `3e-4` is a number.

PyYAML follows YAML 1.1, where `3e-4` is a string and the last of two equal keys wins in silence.
"""

import re
from pathlib import Path
from typing import Any

import yaml


class YamlError(Exception):
    """A file that cannot be read as YAML; the message names the file and the line."""


MERGE = "tag:yaml.org,2002:merge"  # `<<: *anchor`


class _Loader(yaml.SafeLoader):
    pass


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    seen: dict[str, yaml.Mark] = {}
    for key_node, _ in node.value:
        if key_node.tag == MERGE:
            continue
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
        key = str(loader.construct_object(key_node))
        if key in seen:
            raise yaml.constructor.ConstructorError(
                f"first given in line {seen[key].line + 1}",
                seen[key],
                f"the key '{key}' is given twice",
                key_node.start_mark,
            )
        seen[key] = key_node.start_mark
    loader.flatten_mapping(node)
    return {str(key): value for key, value in loader.construct_mapping(node, deep=True).items()}


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def read(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises YamlError if the file is missing, not UTF-8, not YAML, repeats a key, or holds no mapping.
    """
    try:
        content = yaml.load(path.read_text("utf-8"), _Loader)
    except OSError as error:
        raise YamlError(f"{path}: cannot read this file: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise YamlError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or error
        raise YamlError(f"{path}: {line}not readable as YAML: {problem}") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # an impossible date, `!!int ''`, nesting without end: PyYAML lets Python's own errors through
        raise YamlError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(content, dict):
        raise YamlError(f"{path}: expected a mapping of keys to values, found {type(content).__name__}")
    return content
