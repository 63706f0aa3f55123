"""Where the course lies, and which its notebooks are: read by every other room.

Standard library and syntax of Python 3.6 only: course.py reads it before anything else.
"""

import os
import re
from pathlib import Path

COURSE_DIR = Path(__file__).resolve().parent.parent
# What comes with the course beside its notebooks, and is no place for anybody's runs.
FOLDERS = (
    "benchmarks",
    "docs",
    "exercises",
    "labs",
    "reference",
    "tests",
    "tools",
    "utils",
)
# What commands make anew, so that nothing else lasts in it.
MADE_ANEW = (".git", ".venv", "build/book", "build/present", "build/slides")
NOTEBOOKS = ("ANN_Model.ipynb", "CNN_Model.ipynb", "Comparison.ipynb")
# A list, not what lies there: labs/Untitled.ipynb is somebody's own.
LABS = (
    "labs/Augmentation.ipynb",
    "labs/How_Much_Data.ipynb",
    "labs/On_a_Device.ipynb",
    "labs/Overfitting.ipynb",
    "labs/Training_Recipes.ipynb",
    "labs/Transfer.ipynb",
    "labs/What_Makes_the_Difference.ipynb",
    "labs/Your_Handwriting.ipynb",
)


QUOTES = "\"'`“”„‘’«»"
# What %env and other shells hand on of how a path was typed, and what to say of it.
LEFTOVERS = (
    ("[" + QUOTES + "]|.*[" + QUOTES + "]$", "a quotation mark is left at one end"),
    (r".*\s(#.*)", "{} is a part of it"),
    (r".*?(\w\w+:/)", "it is an address, not a folder"),
    (r"(=)", "it begins with {}"),
    (r"(None|null)$", "that is no folder"),
    (r".*?(\$\(.*?\))", "{} is not carried out here"),
    (r".*?(\$\w+|\$\{.*?\}|%\w+%)", "{} is not set"),
    (r".*?(\{.*?\})", "{} is not filled in here"),
)
OF_WINDOWS = r"([A-Za-z]:[\\/])"


def chosen(variable):
    """Return what an environment variable chooses, "" where it is not set.

    Without the quotes that %env, and Windows' own shell, leave around a path.
    """
    value = os.environ.get(variable, "").strip()
    pairs = ['""', "''", "“”", "„“", "‘’", "«»"]
    if len(value) > 1 and value[0] + value[-1] in pairs:
        return value[1:-1].strip()
    return value


def leftover(path):
    """Say what is left in a path of how it was typed, in words; "" if nothing is.

    Only in the part of it that is not there: a folder may have any name.

    Args:
        path: pathlib.Path, an absolute one.
    """
    there = next((p for p in (path, *path.parents) if os.path.exists(p)), path.anchor)
    missing = str(path)[len(str(there)) :].strip("/\\")[:1000]
    if os.name != "nt" and re.match(OF_WINDOWS, missing):
        return "this computer has no drives with letters"
    for pattern, words in LEFTOVERS:
        found = re.match(pattern, missing)
        if found:
            return words.format(*found.groups())
    return ""
