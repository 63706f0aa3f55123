"""Reading a notebook that may be damaged, cut off, or something else by that name."""

import re
import warnings

import nbformat

from utils.bounded import MEGABYTE, BadFile, read_bytes

LARGEST = 500 * MEGABYTE  # with its outputs; the course's own have less than one
LINK = re.compile(
    r"(?<!!)\[((?:[^\[\]`]|`[^`]*`)*)\]\((?!https?:|mailto:|#)([^()\s]+)\)"
)


def read_notebook(path):
    """Return a notebook in today's format.

    Raises:
        BadFile: it is no notebook.
        OSError: there is no such file, or it may not be read.
    """
    raw, faults = read_bytes(path, LARGEST), {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names of cells, which are put right
            notebook = nbformat.reads(raw.decode("utf-8"), 4, faults)
        for fault in faults.values():
            raise fault
        return notebook
    except Exception as error:  # nbformat raises whatever a wrong type leads to
        why = (str(error).splitlines() or ["of an unknown kind"])[0]
        raise BadFile(path, f"is damaged, or no notebook ({why:.100})") from error
