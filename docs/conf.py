"""The documentation site: `make docs` builds it in build/docs/html."""

import os
import sys
from pathlib import Path

import chainrule

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

# Tutorials run commands and train networks: the command that belongs to this Python, with one BLAS
# thread, and with output for a page and not for a terminal.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["TTY_COMPATIBLE"] = "0"
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # of tqdm, in any notebook

project = "chainrule"
version = release = chainrule.__version__
language = "en"

extensions = [
    "docstrings",
    "formulas",
    "myst_nb",
    "quoted_sources",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_external_toc",
]
exclude_patterns = ["extensions", "static"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = -1  # no page depends on how fast the machine is
nb_execution_in_temp = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings say it in words, with shapes and units

# Names of the standard library and of NumPy are linked nowhere: the build needs no network.
nitpick_ignore_regex = [("py:.*", r"(?!chainrule\.).*")]

html_theme = "furo"
html_title = "chainrule"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
