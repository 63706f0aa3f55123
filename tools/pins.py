"""The requirements files, compared with what a Python has installed.

Python's standard library only, and only syntax that Python 3.6 can read.
"""

import csv
import os
import platform
import re
import sys

from utils.places import COURSE_DIR

COMMENT = re.compile(r"(?m)(^|\s)#.*")
PIN = re.compile(r"([\w.-]+)(?:\[[\w,. -]*\])?\s*==\s*([^\s;]+)\s*(?:;(.*))?")


def read(requirements):
    """Return the text of a requirements file and of those that it includes."""
    text = (COURSE_DIR / requirements).read_text(encoding="utf-8")
    included = re.findall(r"(?m)^-r (\S+)", text)
    return "\n".join([text] + [read(name) for name in included])


def pins(requirements):
    """Find `name==version` in requirements that are meant for this machine."""
    lines = COMMENT.sub("", requirements).splitlines()
    found = [PIN.fullmatch(line.strip()) for line in lines]
    return [(p.group(1), p.group(2)) for p in found if p and applies(p.group(3))]


def applies(marker):
    """Tell whether a marker such as `sys_platform == "win32"` is true here."""
    here = {
        "sys_platform": sys.platform,
        "platform_machine": platform.machine(),
        "platform_system": platform.system(),
        "os_name": os.name,
    }
    # A marker in our own files, of these variables and texts, reads as Python does.
    return not marker or eval(marker, {"__builtins__": {}}, here)


def missing(requirements):
    """List the pins of a requirements file that this Python does not satisfy."""
    return [f"{n}=={v}" for n, v in pins(requirements) if not installed(n, v)]


def installed(name, version):
    """Say whether this Python has a package, whole, in exactly this version.

    TensorFlow has several packages of one content: any of them will do.
    """
    from importlib import metadata  # younger than the oldest Python that gets here

    if name.startswith("tensorflow"):
        found = [
            package
            for package in metadata.distributions()
            if name_of(package).startswith(("tensorflow", "tf"))
            and package.locate_file("tensorflow/__init__.py").exists()
        ]
    else:
        found = list(metadata.distributions(name=name))[:1]
    # "2.21.0+cpu" is a build of 2.21.0.
    return any(whole(p) and (p.version or "").split("+")[0] == version for p in found)


def name_of(package):
    """Return a package's name in small letters, "" where its METADATA is empty."""
    if not package.read_text("METADATA"):
        return ""
    return (package.metadata["Name"] or "").lower()


def whole(package):
    """Tell whether a package was installed to its end, and its files hold something.

    INSTALLER is the file that pip writes last: without it, an installation was
    interrupted. After a power cut files may be there and empty.
    """
    if not package.read_text("INSTALLER") or not package.read_text("METADATA"):
        return False
    record = package.read_text("RECORD")
    if record is None:  # Conda keeps its own
        return True
    rows = [row for row in csv.reader(record.splitlines()) if len(row) == 3]
    full = [row[0] for row in rows if row[2] not in ("", "0")]
    return bool(rows) and not any(is_empty(package.locate_file(name)) for name in full)


def is_empty(path):
    """Tell whether a file is there without content."""
    try:
        return os.stat(str(path)).st_size == 0
    except OSError:
        return False


def broken():
    """List the packages that are not whole, dependencies included."""
    from importlib import metadata

    names = []
    for package in metadata.distributions():
        if package._path.suffix == ".dist-info" and not whole(package):
            folder = os.path.basename(str(package.locate_file(package._path)))
            name, _, version = folder.rpartition(".dist-info")[0].partition("-")
            names.append(f"{name.replace('_', '-')}=={version}")
    return names
