"""How Sphinx builds this folder: `make docs`."""

import re
from typing import Any

project = "mnistgen"
author = "The mnistgen authors"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "mnistgen"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3  # links such as training.md#resume, as in a repository browser

default_role = "code"  # `name` in a docstring
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_inherit_docstrings = False  # what a class only takes over is not listed again
autodoc_preserve_defaults = True
# Names of other packages, and private ones within the type of a measure, have no page
nitpick_ignore_regex = [("py:.*", r"(?!mnistgen\b).*|.*\.(Annotated|_\w+)")]


def link_files_of_the_repository(app: Any, page: str, text: list[str]) -> None:
    """Make a link to a Markdown file outside of docs/ one to the file, as it is no page here."""
    text[0] = re.sub(r"\]\((\.\./[^)#]*\.md)\)", r"](path:\1)", text[0])


def setup(app: Any) -> None:
    """Take part in the build."""
    app.connect("source-read", link_files_of_the_repository)
