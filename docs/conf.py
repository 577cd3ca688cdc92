"""Sphinx: MyST pages and docstrings, furo, no network at build time."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "armwise"
author = "The armwise authors"
copyright = "2026, The armwise authors"  # noqa: A001  # Sphinx's name for it
release = version = installed_version("armwise")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"armwise {release}"

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

# Types stand in the signatures; the sections of a docstring give shapes, units and ranges.
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
# The words of a type are text: as targets of links, a shape (n,) would lead to whatever is called n.
napoleon_use_param = False
napoleon_use_rtype = False
