"""YAML with one meaning: no key twice, plain values only, bounded size and depth. Recipes, campaigns and
what strangers send are all read here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mfbench.data.printable_text import printable
from mfbench.errors import DataError

__all__ = ["MAX_BYTES", "dump_yaml", "parse_yaml", "read_yaml"]

MAX_BYTES = 256 * 1024
"""Of a text from a stranger."""
_MAX_DEPTH = 12
_MAX_NODES = 20_000
_OWN = 64
"""Times larger: what a file of our own may be."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc, unused-ignore]  # yaml has no types
    """Refuses what is ambiguous (a key given twice) and what makes a small file large (aliases)."""

    max_nodes, aliases = _MAX_NODES, False

    def __init__(self, stream: str):
        super().__init__(stream)
        self._depth = self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent) and not self.aliases:
            raise yaml.YAMLError("aliases are not allowed")
        self._depth += 1
        self._nodes += 1
        if self._depth > _MAX_DEPTH or self._nodes > self.max_nodes:
            raise yaml.YAMLError("it is nested too deeply or holds too many values")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if (name := str(key.value)) in seen:
                raise yaml.YAMLError(f"line {key.start_mark.line + 1}: a key is given twice: {name[:60]!r}")
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def _resolvers(*without: str) -> dict[str, Any]:
    return {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(without)]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


# Dates stay text: nothing here has any, and YAML guesses them from odd words. Merge keys need aliases.
_Loader.yaml_implicit_resolvers = _resolvers(":timestamp", ":merge")


class _OwnLoader(_Loader):
    """For files that we or our users keep: larger, and with aliases."""

    max_nodes, aliases = _OWN * _MAX_NODES, True
    yaml_implicit_resolvers = _resolvers(":timestamp")


def parse_yaml(data: bytes, name: str, *, own: bool = False) -> Any:
    """The plain value that a YAML text holds.

    Args:
        data: UTF-8 text, at most ``MAX_BYTES``.
        name: of the file, for the message.
        own: not from a stranger: it may be larger and hold aliases.

    Raises:
        DataError: too large, not text, not YAML, a key given twice, or more than plain values.
    """
    limit = _OWN * MAX_BYTES if own else MAX_BYTES
    if len(data) > limit:
        raise DataError(f"{name} is larger than {limit // 1024} KiB")
    try:
        return yaml.load(data.decode(), Loader=_OwnLoader if own else _Loader)
    except UnicodeDecodeError:
        raise DataError(f"{name} is not UTF-8 text") from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = printable(error, 160)
        raise DataError(f"{name} is not plain YAML ({reason})") from None


def read_yaml(path: Path) -> Any:
    """The plain value that a file of our own holds.

    Raises:
        DataError: it is missing, unreadable, or see ``parse_yaml``; names the file.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from None
    return parse_yaml(data, str(path), own=True)


class _Dumper(yaml.SafeDumper):  # type: ignore[misc, unused-ignore]
    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump_yaml(value: Any) -> str:
    """Readable YAML, keys in the order given."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
