"""The package's version, as it was installed: pyproject.toml alone says it."""

from importlib.metadata import version

__version__ = version("mfbench")
