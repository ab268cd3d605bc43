"""Tests. What whoever starts them has set for programs of their own does not count in them, nor in what they start."""

import os

#: What makes programs colour what they say, or break it into other lines: also on machines that build and test.
_SHOWING = (
    "CLICOLOR_FORCE",
    "COLUMNS",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "LINES",
    "NO_COLOR",
    "PY_COLORS",
    "TTY_COMPATIBLE",
)
_OWN = ("ELECTRA_PASSWORD_FILE", "ELECTRA_SANDBOX", "ELECTRA_WORKBENCH")

for _name in (*_SHOWING, *_OWN):
    os.environ.pop(_name, None)
