"""The front door: sets up what the course needs, then runs, tests or opens it.

    python3 course.py --help

The commands are in tools/commands.py. This file and tools/python_version.py keep to
what every Python can read, Python 2 included: whoever comes with one that is too old
gets a sentence, not a syntax error.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# A random.py or json.py of the student's beside this must not be Python's own, and a
# utils of somebody else's not ours.
sys.path[:] = [folder for folder in sys.path if folder not in ("", HERE)]
sys.dont_write_bytecode = sys.version_info < (3,)  # that would go beside the sources
sys.path.insert(0, HERE)
try:
    import tools
    import utils
except ImportError:  # started out of a zip that was only looked into, or copied
    sys.exit(
        "course.py: The rest of the course is not in " + HERE + ". Unpack the whole "
        "zip, or download the course again, and start course.py in its folder."
    )

sys.path.append(sys.path.pop(0))

if __name__ == "__main__":
    from tools import python_version

    if sys.version_info < python_version.READS_OUR_SYNTAX:
        sys.exit("course.py: " + python_version.complaint(sys.version_info))
    from tools import commands

    sys.exit(commands.main(sys.argv[1:]))
