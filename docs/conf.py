"""The documentation as a site.

    pip install ".[docs]" && sphinx-build -W docs docs/_build

Needs no TensorFlow. The pages of the API and of the examples are made by `pages`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pages

import nengo_lr

project = "nengo_lr"
author = copyright = "The nengo_lr developers"
version = release = nengo_lr.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
]
exclude_patterns = ["_build"]
default_role = "py:obj"
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
autodoc_mock_imports = ["tensorflow"]
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"nengo_lr {version}"


def setup(app):
    """Make the pages that follow from the code before Sphinx reads them."""
    pages.write_api(Path(app.srcdir) / "api")
    pages.write_examples(Path(app.srcdir) / "gallery")
