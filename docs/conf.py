"""How ``make docs`` builds the pages: Markdown by MyST, the API from docstrings, nothing from the network."""

import logging
import re

import galspec_core

logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # it tells of every instruction set that it tries

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

html_theme = "furo"
html_title = "GalSpec"
html_static_path = ["_static"]
html_css_files = ["galspec.css"]
html_show_sourcelink = False
html_copy_source = False


def as_plain_text(app, what, name, obj, options, lines):
    """Let ``mask``[B, N] and |x| stand in docstrings as they are: reStructuredText would take them for markup.

    A property's "the vectors [N, D]: a view" would be taken for a type and its description.
    """
    if what == "property":
        lines[:] = [line.replace(": ", " – ") for line in lines]
    for i, line in enumerate(lines):
        parts = re.split(r"(``[^`]+``)", line)
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        parts[2::2] = [re.sub(r"^(?=[\w\[])", r"\\ ", part) for part in parts[2::2]]
        lines[i] = "".join(parts)


def setup(app):
    """Hand Sphinx the function above."""
    app.connect("autodoc-process-docstring", as_plain_text, priority=400)  # before napoleon
