"""How the pages are built: `make docs`. Tables that code knows are made by ``tables``, never typed by hand."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tables import TABLES

project = "Electra workbench"
author = copyright = "The Electra authors"
release = version = installed_version("electra-workbench")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist", "substitution"]
myst_heading_anchors = 3
myst_substitutions = {name: make() for name, make in TABLES.items()}

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 90
autodoc_default_options = {"members": True}
napoleon_use_ivar = True

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_title = project
html_logo = "../electra_kernel/jupyter/kernelspec/logo-svg.svg"
html_favicon = html_logo
html_show_copyright = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#12455c", "color-brand-content": "#1f6f86"},
    "dark_css_variables": {"color-brand-primary": "#8cc8dc", "color-brand-content": "#8cc8dc"},
}
