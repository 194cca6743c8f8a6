"""Sphinx: the site of these pages, as `make docs` builds it. Neither the build nor a reader fetches anything."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any

from sphinx.application import Sphinx

project = "BasicAer on Celery"
author = "its contributors"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]

# The pages are Markdown that any viewer of the repository shows; headings can be linked to as there.
myst_heading_anchors = 4

# Docstrings name what they speak of in single backquotes; what this site has not, say Qiskit, stays plain.
default_role = "py:obj"
smartquotes = False  # it makes a dash of the `--` of an option
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
maximum_signature_line_length = 68
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
add_module_names = False

html_theme = "furo"
html_title = "BasicAer on Celery"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
templates_path: list[str] = []
highlight_language = "text"  # of blocks that name none
pygments_style = "friendly"
pygments_dark_style = "github-dark"


def _help(_app: Sphinx, _context: Any, lines: MutableSequence[str]) -> None:
    """Keep the asterisks that a command's help has: it is no reStructuredText."""
    lines[:] = [line.replace("*", "\\*") for line in lines]


def _examples(_app: Sphinx, _context: Any, lines: MutableSequence[str]) -> None:
    """Make a block of what a command's help ends with: a line with a colon, and indented ones."""
    if lines:
        title, *shown = [line.removeprefix("| ") for line in lines if line]
        lines[:] = [f"{title}:", "", *shown, ""]


def _docstring(_app: Sphinx, _what: str, _name: str, _of: Any, _options: Any, lines: MutableSequence[str]) -> None:
    """Keep the bars of states and absolute values, which are no substitutions; those in literals are safe."""
    for number, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
        lines[number] = "``".join(parts)


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("sphinx-click-process-description", _help)
    app.connect("sphinx-click-process-epilog", _examples)
