"""YAML from strangers: plain values only, no aliases, no tags, bounded size and depth."""

from __future__ import annotations

from typing import Any

import yaml

from mfbench.errors import SubmissionError

__all__ = ["MAX_BYTES", "dump_yaml", "parse_yaml"]

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 12
_MAX_NODES = 20_000


class _Loader(yaml.SafeLoader):  # type: ignore[misc, unused-ignore]  # yaml has no types
    """Refuses what makes a small file large (aliases) or ambiguous (a key given twice)."""

    def __init__(self, stream: str):
        super().__init__(stream)
        self._depth = self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        self._depth += 1
        self._nodes += 1
        if self._depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            raise yaml.YAMLError("it is nested too deeply or holds too many values")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        if len(keys) != len({str(key) for key in keys}):
            raise yaml.YAMLError("a key is given twice")
        return super().construct_mapping(node, deep=deep)


# Dates stay text: a card has none, and YAML guesses them from odd words. Merge keys need aliases.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":merge"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(data: bytes, name: str) -> Any:
    """The plain value that a YAML text holds.

    Args:
        data: UTF-8 text, at most ``MAX_BYTES``.
        name: of the file, for the message.

    Raises:
        SubmissionError: kind ``card``: too large, not text, not YAML, or more than plain values.
    """
    if len(data) > MAX_BYTES:
        raise SubmissionError("card", f"{name} is larger than {MAX_BYTES // 1024} KiB")
    try:
        return yaml.load(data.decode(), Loader=_Loader)
    except UnicodeDecodeError:
        raise SubmissionError("card", f"{name} is not UTF-8 text") from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise SubmissionError("card", f"{name} is not plain YAML ({reason})") from None


class _Dumper(yaml.SafeDumper):  # type: ignore[misc, unused-ignore]
    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump_yaml(value: Any) -> str:
    """Readable YAML, keys in the order given."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
