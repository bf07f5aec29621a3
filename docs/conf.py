"""Turn the repository's pages into a site: ``make docs`` writes ``build/site/index.html``.

The source folder is the repository itself, so a link means the same in a checkout and on the site,
and one that leads nowhere is an error.
"""

from __future__ import annotations

from sphinx.application import Sphinx

import tflconv

project = "tflconv"
author = "the tflconv authors"
project_copyright = "the tflconv authors, Apache-2.0"
version = release = tflconv.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "studies/README.md",
    "studies/**/README.md",
    "studies/resnet-service/accelerator.md",
    "android-benchmark/README.md",
    "datasets/**.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
exclude_patterns = [".*", "build", "dist", "demo", "converter", "tests", "stubs", "notebooks"]

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["misc.highlighting_failure"]  # JSON with an ellipsis is still JSON to read
highlight_language = "text"

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"tflconv {version}"
html_theme_options = {"source_directory": "", "top_of_page_buttons": []}
html_extra_path = ["site"]
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_copy_source = False
html_show_sphinx = False


def list_functions(_: Sphinx, page: str, source: list[str]) -> None:
    """Write a directive for each function of the package into the Python page."""
    if page == "docs/python":
        names = [name for name in tflconv.__all__ if callable(getattr(tflconv, name))]
        directives = "\n".join(f".. autofunction:: tflconv.{name}" for name in names)
        source[0] = source[0].replace(".. functions", directives)


def setup(app: Sphinx) -> None:
    """Connect to the build."""
    app.connect("source-read", list_functions)
