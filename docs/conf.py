"""The documentation's settings: ``make docs``, or ``sphinx-build -W docs build/docs``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tasks"), str(ROOT / "docs")]

from mfbench.work.version import __version__  # noqa: E402

project = "mfbench"
author = "the mfbench developers"
copyright = "the mfbench developers; text and figures CC-BY-4.0, code Apache-2.0"
version = release = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "extensions.command_pages",
    "extensions.api_pages",
    "extensions.light_core",
]
exclude_patterns = ["_build", "drawings", "extensions"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# Included texts begin at a level of their own; a type's name may occur in two modules.
suppress_warnings = ["myst.header", "ref.python"]

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "mixed"
# Extras that nothing here may need: the site is built by the light core alone.
autodoc_mock_imports = [
    *("ase", "biotite", "distributed", "h5py", "huggingface_hub", "hydride", "matscipy", "rdkit"),
    *("safetensors", "scipy", "tblite"),
]
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

smartquotes = False  # "--resume" is no dash

html_theme = "furo"
html_title = f"mfbench {release}"
html_static_path = ["_static"]
html_copy_source = False
html_show_sphinx = False
