"""How ``make docs`` builds the pages: Markdown by MyST, the API from docstrings, nothing from the network."""

import galspec_core

project = "GalSpec"
copyright = "the GalSpec authors"
version = release = galspec_core.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
autosummary_generate = True
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"
nitpicky = False

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
