"""What the course needs of a machine and its Python, or a sentence on what is missing.

Python's standard library only, and only syntax that Python 3.6 can read.
"""

import platform
import re
import shutil
import sysconfig

from tools.programs import Problem
from tools.python_version import complaint

GIGABYTES_NEEDED = 3  # what is installed, and the largest package while it is unpacked
WINDOWS_LENGTH = 70  # of the course's folder; TensorFlow's longest path adds 188 to it
# Pythons for which nobody builds TensorFlow: what this_machine() says of them, what
# they are, and what to take.
NO_TENSORFLOW = (
    (r"macosx-.*x86_64", "a Python for Intel Macs any more", "On a newer Mac, take a "
     "Python for Apple silicon. "),
    (r"win-arm", "Windows' Python for ARM", "Take a Python for x64, which runs there, "
     "too. "),
    (r"win32|linux-(i.86|armv)", "a Python of 32 bits", "Take one of 64. "),
    (r"mingw|msys|cygwin", "the Python of MSYS2 or Cygwin", "Take python.org's. "),
    (r".* \.(pypy|graalpy)", "PyPy or GraalPy", "Take python.org's Python. "),
    (r".* \.cp(ython-)?3\d+t-", "a free-threaded Python", "Take the usual one. "),
    (r".*-musl", "a Linux without glibc, such as Alpine", "Take another one. "),
    (r"linux-(?!x86_64|aarch64)", "this kind of processor", ""),
)  # fmt: skip


def check_version(version):
    """Refuse a Python for which the packages do not exist."""
    if complaint(version):
        raise Problem(complaint(version))


def this_machine():
    """Return the system, the processor and the kind of Python in their own words.

    A Mac's Python may be built for two processors: which one this is, it does not say.
    """
    kind = sysconfig.get_platform(), platform.machine()
    return " ".join([*kind, str(sysconfig.get_config_var("EXT_SUFFIX"))])


def check_machine(kind):
    """Refuse a Python for which nobody builds TensorFlow; say where the course runs.

    Args:
        kind: as this_machine() returns it.
    """
    for pattern, what, instead in NO_TENSORFLOW:
        if re.match(pattern, kind):
            raise Problem(
                f"There is no TensorFlow for {what}. {instead}The course also runs on "
                "Google Colab and Kaggle, with nothing to install."
            )


def check_space(folder):
    """Refuse to fill the disk."""
    free = shutil.disk_usage(str(folder)).free / 1e9
    if free < GIGABYTES_NEEDED:
        raise Problem(
            f"The packages need {GIGABYTES_NEEDED} GB of disk space, and {free:.1f} GB "
            f"are free in {folder}. Free some, or move the course to another disk."
        )


def check_length(folder, long_paths):
    """Refuse a folder below which Windows could not name TensorFlow's files."""
    length = len(str(folder))
    if length > WINDOWS_LENGTH and not long_paths:
        raise Problem(
            f"The course's folder has a name of {length} characters, {folder}; Windows "
            f"allows {WINDOWS_LENGTH} with TensorFlow's long names below it. Move the "
            r"course to a short folder such as C:\course and start it there."
        )


def long_paths_are_allowed():
    """Tell whether this Windows was set to allow paths of more than 260 characters."""
    import winreg

    place = r"SYSTEM\CurrentControlSet\Control\FileSystem"
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
            return winreg.QueryValueEx(key, "LongPathsEnabled")[0] == 1
    except OSError:
        return False
