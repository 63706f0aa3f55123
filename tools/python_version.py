"""Which Pythons the course runs on, and what others are told.

Only what every Python can read, Python 2 included: course.py asks here first.
"""

import os
import subprocess

OLDEST, NEWEST = (3, 11), (3, 13)  # the Pythons that the requirements were tested with
READS_OUR_SYNTAX = (3, 6)  # the oldest that can read the rest of tools/


def complaint(version):
    """Say what is wrong with a Python's version, and what to do; "" if it will do.

    Args:
        version: as sys.version_info has it.
    """
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return ""
    advice = (
        "with uv (https://docs.astral.sh/uv) one line gets the right one: "
        "uv run --no-project --python 3.13 course.py run"
    )
    if os.name == "nt":
        advice = "get one with `py install 3.13`, then start: py -3.13 course.py run"
    for name in ("python3.11", "python3.12", "python3.13"):
        if starts(name):
            advice = "start this with " + name
    this = ".".join([str(number) for number in version[:3]])
    return (
        "The course needs Python 3.11, 3.12 or 3.13, and this is Python "
        + this + ": " + advice + "."
    )  # fmt: skip


def starts(program):
    """Tell whether a program is there and starts; pyenv's stand-ins do not always."""
    with open(os.devnull, "w") as nowhere:
        try:
            command = [program, "--version"]
            return subprocess.call(command, stdout=nowhere, stderr=nowhere) == 0
        except OSError:
            return False
