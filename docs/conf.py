"""How ``make docs`` builds the pages: Markdown by MyST, the API from docstrings, nothing from the network."""

import re

import galspec_core

project = "GalSpec"
copyright = "the GalSpec authors"
version = release = galspec_core.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
autosummary_generate = ["api.md"]
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"

html_theme = "pydata_sphinx_theme"
html_title = "GalSpec"
html_static_path = ["_static"]
html_css_files = ["galspec.css"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 8,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def as_plain_text(app, what, name, obj, options, lines):
    """Let ``mask``[B, N] and |x| stand in docstrings as they are: reStructuredText would take them for markup."""
    for i, line in enumerate(lines):
        literals = re.split(r"(``[^`]+``)", line)
        literals[::2] = [part.replace("|", r"\|") for part in literals[::2]]
        lines[i] = re.sub(r"(``[^`]+``)(?=\w|\[)", r"\1\\ ", "".join(literals))


def setup(app):
    """Hand Sphinx the function above."""
    app.connect("autodoc-process-docstring", as_plain_text)
