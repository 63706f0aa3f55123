"""Where the course lies, and which its notebooks are: read by every other room.

Standard library and syntax of Python 3.6 only: course.py reads it before anything else.
"""

import os
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


def chosen(variable):
    """Return what an environment variable chooses, "" where it is not set.

    Without the quotes that %env, and Windows' own shell, leave around a path.
    """
    value = os.environ.get(variable, "").strip()
    if len(value) > 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value
