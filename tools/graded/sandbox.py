"""How a graded process is kept to itself: with bubblewrap, or less well."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

COURSE = Path("/course")  # where bubblewrap shows the clean copy
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime")
NOBODY = 65534  # the user whom every Unix keeps for processes without rights
LIMITS = {"RLIMIT_AS": 12 * 2**30, "RLIMIT_FSIZE": 2**28, "RLIMIT_NPROC": 300}
LIMITS |= {"RLIMIT_CORE": 0}

MISSING = {
    "bubblewrap": "",
    "user": "bubblewrap is not installed: submissions run as the user nobody. They "
    "cannot write to the course or the gradebook, but they can use the network and "
    "read what every user may read.",
    "plain": "bubblewrap is not installed: submissions run with your permissions. "
    "Time, memory and processes are limited, but they can read and write your files, "
    "the gradebook too, and use the network. Install bubblewrap (Linux: sudo apt "
    "install bubblewrap), or grade in a container, or on a machine without secrets.",
}


def protection():
    """Return which protection there is here: bubblewrap, user or plain."""
    found = shutil.which("bwrap")
    if (
        found
        and not subprocess.run(
            [*_bubblewrap(found, {}), "true"], capture_output=True
        ).returncode
    ):
        return "bubblewrap"
    return "user" if _nobody_can_work() else "plain"


def _nobody_can_work():
    """Say whether the user nobody can start Python and find its packages."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    command = [sys.executable, "-c", "import numpy"]
    options = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"}
    try:
        return not subprocess.run(command, capture_output=True, **options).returncode
    except OSError:  # the interpreter lies where only its owner can look
        return False


def advice(kind):
    """Say what a protection does not protect from; of a container if there is one."""
    container = next(filter(shutil.which, ("podman", "docker")), None)
    more = (
        f" {container} is installed: grade in one of its containers."
        if container
        else ""
    )
    return MISSING[kind] + (more if MISSING[kind] else "")


def _bubblewrap(program, folders):
    """Return the command that shows a process these folders ({path: inside}) only."""
    prefixes = {
        sys.prefix,
        sys.base_prefix,
        str(Path(sys.executable).resolve().parents[1]),
    }
    command = [program, "--unshare-all", "--unshare-user", "--die-with-parent"]
    command += ["--new-session", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    # First the empty /tmp: the course's own Python may lie in the real one.
    command += ["--size", str(2**29), "--tmpfs", "/tmp"]
    for path in (*SYSTEM, *SETTINGS, *sorted(prefixes)):
        command += ["--ro-bind-try", path, path]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for (path, inside), kind in folders.items():
        command += [kind, str(path), str(inside)]
    return command


class Process:
    """A program of the course with pipes for frames, kept to itself.

    Args:
        kind: a protection.
        module: the module to run, and its arguments.
        clean: a clean copy of the course; only its exercises/work can be written to.
    """

    def __init__(self, kind, module, clean):
        self.kind, inside = kind, COURSE if kind == "bubblewrap" else clean
        work, self._mark = clean / "exercises" / "work", str(uuid.uuid4())
        command = [sys.executable, "-m", *module]
        options = {"cwd": work}
        if kind == "bubblewrap":
            folders = {(clean, COURSE): "--ro-bind"}
            folders[work, COURSE / work.relative_to(clean)] = "--bind"
            place = ["--chdir", str(COURSE / work.relative_to(clean))]
            wrap = _bubblewrap(shutil.which("bwrap"), folders)
            command, options = [*wrap, *place, *command], {}
        elif kind == "user":
            os.chown(work, NOBODY, NOBODY)
            options |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=_environment(inside) | {"COURSE_SUBMISSION": self._mark},
            **options,
        )
        self.question = self._process.stdin.fileno()
        self.answer = self._process.stdout.fileno()

    def end(self):
        """End the process and whatever it has started; do nothing the second time."""
        if self._process.stdin.closed:
            return
        # In bubblewrap all end with the first one. Elsewhere children may have left the
        # group: they are found by a mark in their environment, or by whose they are.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self.kind != "bubblewrap":
            import psutil  # nbgrader needs it, too

            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if self._is_ours(process):
                        process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _is_ours(self, process):
        if self.kind == "user" and process.uids().real == NOBODY:
            return True
        return process.environ().get("COURSE_SUBMISSION") == self._mark


def _environment(course):
    """Return the environment of a graded process: nothing of the grader's own."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": "/tmp",
        "PYTHONPATH": str(course),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "MNIST_DATA": "sample",
        "MPLBACKEND": "agg",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "IPYTHONDIR": "/tmp/ipython",
        "MPLCONFIGDIR": "/tmp/matplotlib",
    }


def limit_this_process():
    """Limit memory, files and processes of this process and of all that it starts."""
    import resource

    for name, limit in LIMITS.items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
