"""Where the course lies, and which its notebooks are: read by every other room.

Standard library and syntax of Python 3.6 only: course.py reads it before anything else.
"""

from pathlib import Path

COURSE_DIR = Path(__file__).resolve().parent.parent
NOTEBOOKS = ("ANN_Model.ipynb", "CNN_Model.ipynb", "Comparison.ipynb")
