"""How a graded process is kept to itself: with bubblewrap, or less well."""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

from tools.graded import watch
from utils.places import COURSE_DIR

COURSE = Path("/course")  # where bubblewrap shows the clean copy
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime")
# What is Python's own in a folder in which the course lies, too.
OF_PYTHON = ("bin", "include", "lib", "lib64", "share", "pyvenv.cfg")
USERS = range(64_000, 60_000, -1)  # numbers that no system gives to its users
LIMITS = {"RLIMIT_AS": 12 * 2**30, "RLIMIT_FSIZE": 2**28, "RLIMIT_CORE": 0}
PAUSE = 0.1  # seconds between two looks for what is left running
ROOM = 2**29  # bytes that may be written to the work folder, and to /tmp

MISSING = {
    "bubblewrap": "",
    "user": "submissions run as a user without rights. "
    "They cannot write to the course or the gradebook, but they can use the network, "
    "fill the disk, and read what every user may read.",
    "plain": "submissions run with your permissions. Time, memory and processes are "
    "limited, but they can read and write your files, the gradebook too, and use the "
    "network. Let bubblewrap work (Linux: sudo apt install bubblewrap), or grade in a "
    "container, or on a machine without secrets.",
}


def protection():
    """Return which protection there is here: bubblewrap, user or plain."""
    if why_not() is None:
        return "bubblewrap"
    return "user" if _stranger_can_work() else "plain"


def why_not():
    """Return why there is no bubblewrap here, or None where there is one."""
    found = shutil.which("bwrap")
    if not found:
        return "bubblewrap is not installed here"
    command = [*_bubblewrap(found), "true"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:  # some containers, and settings of Ubuntu's, forbid it
        said = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        return f"bubblewrap is installed, but does not start here ({said:.200})"
    return None


@functools.cache
def stranger():
    """Return the number of a user who has nothing and runs nothing: a submission's.

    All that it runs can be ended together, however it has forked.
    """
    import psutil  # nbgrader needs it, too

    # One that ends meanwhile has no user.
    users = [process.info["uids"] for process in psutil.process_iter(["uids"])]
    taken = {user.real for user in users if user}
    return next(user for user in USERS if user not in taken)


def _as_stranger():
    return {"user": stranger(), "group": stranger(), "extra_groups": []}


def _stranger_can_work():
    """Say whether a user without rights can start Python and find its packages."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    command = [sys.executable, "-c", "import numpy"]
    try:
        done = subprocess.run(command, capture_output=True, cwd="/", **_as_stranger())
    except OSError:  # the interpreter lies where only its owner can look
        return False
    return not done.returncode


def advice(kind):
    """Say what a protection does not protect from; of a container if there is one."""
    container = next(filter(shutil.which, ("podman", "docker")), None)
    more = (
        f" {container} is installed: grade in one of its containers."
        if container
        else ""
    )
    return f"{why_not()}: {MISSING[kind]}{more}" if MISSING[kind] else ""


@functools.cache
def _locks(program):
    """Return the options that close the kernel's doors, those that work here.

    To root, whoever it is called in there, its switches would be open; and whoever may
    make a namespace of users has all rights in it. A bubblewrap before 0.8, or one in a
    container, may not know how.
    """
    command = [program, "--unshare-all", "--unshare-user", "--ro-bind", "/", "/"]
    command += ["--proc", "/proc"]
    locks = ["--ro-bind", "/proc/sys", "/proc/sys"], ["--disable-userns"]
    return [
        option
        for lock in locks
        if not subprocess.run([*command, *lock, "true"], capture_output=True).returncode
        for option in lock
    ]


def _bubblewrap(program, clean=None):
    """Return the command that shows a process the system and a clean copy only."""
    prefixes = {
        sys.prefix,
        sys.base_prefix,
        str(Path(sys.executable).resolve().parents[1]),
    }
    command = [program, "--unshare-all", "--unshare-user", "--die-with-parent"]
    command += ["--new-session", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    # First the empty /tmp: the course's own Python may lie in the real one.
    command += ["--size", str(ROOM), "--tmpfs", "/tmp"]
    for path in (*SYSTEM, *SETTINGS, *sorted(prefixes)):
        command += ["--ro-bind-try", path, path]
    command += _without_what_is_private(prefixes)
    command += ["--proc", "/proc", "--dev", "/dev", *_locks(program)]
    command += ["--size", str(ROOM), "--tmpfs", "/dev/shm"]
    if clean:
        work, inside = clean / "exercises" / "work", COURSE / "exercises" / "work"
        command += ["--ro-bind", str(clean), str(COURSE)]
        command += ["--size", str(ROOM), "--tmpfs", str(inside), "--chdir", str(inside)]
        for path in work.iterdir():
            command += ["--ro-bind", str(path), str(inside / path.name)]
    # What holds the mounts is a file system of its own, as large as half the memory.
    return [*command, "--remount-ro", "/", "--remount-ro", "/dev"]


def _without_what_is_private(prefixes):
    """Return options that hide the course itself and all clean copies, if they show.

    They hold solutions and hidden tests, and may lie in /opt, or where Python does.
    What is Python's inside is shown again.
    """
    shown = [Path(path) for path in (*SYSTEM, *prefixes)]
    private = {COURSE_DIR, Path(tempfile.gettempdir()).resolve()}
    options, hidden = [], []
    for place in sorted(private, key=lambda place: len(place.parts)):
        if not any(path in (place, *place.parents) for path in shown):
            continue
        options += ["--size", str(ROOM), "--tmpfs", str(place)]
        for prefix in map(Path, sorted(prefixes)):
            inside = [prefix] if place in prefix.parents else []
            if prefix == place:  # as `python -m venv .` makes it
                inside = [prefix / name for name in OF_PYTHON]
            for path in inside:
                options += ["--ro-bind-try", str(path), str(path)]
        hidden += ["--remount-ro", str(place)]
    return [*options, *hidden]


class Process:
    """A program of the course with pipes for frames, kept to itself.

    Args:
        kind: a protection.
        module: the module to run, and its arguments.
        clean: a clean copy of the course; only its exercises/work can be written to.

    Attributes:
        stopped_for: why it was stopped, in words; None where it was not.
    """

    def __init__(self, kind, module, clean):
        self.kind, inside = kind, COURSE if kind == "bubblewrap" else clean
        work, self._mark = clean / "exercises" / "work", str(uuid.uuid4())
        command = [sys.executable, "-m", *module]
        options, home = {"cwd": work}, work
        if kind == "bubblewrap":
            command = [*_bubblewrap(shutil.which("bwrap"), clean), *command]
            options, home = {}, Path("/tmp")
        elif kind == "user":
            os.chown(work, stranger(), stranger())
            options |= _as_stranger()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=_environment(inside, home) | {"COURSE_SUBMISSION": self._mark},
            **options,
        )
        self.question = self._process.stdin.fileno()
        os.set_blocking(self.question, False)  # it may never read what it is sent
        self.answer = self._process.stdout.fileno()
        self.stopped_for, self._ended = None, threading.Event()
        self._watch = threading.Thread(target=self._watched, daemon=True)
        self._watch.start()

    def _watched(self):
        while not self._ended.wait(watch.EVERY):
            if reason := watch.excess(self._all()):
                self.stopped_for = reason
                self._kill()
                return

    def _all(self):
        """Return what runs of it, a list of psutil.Process."""
        import psutil

        if self.kind == "user":
            return _processes(lambda process: process.uids().real == stranger())
        try:
            mine = psutil.Process(self._process.pid)
            below = [mine, *mine.children(recursive=True)]
        except psutil.Error:
            below = []
        return below if self.kind == "bubblewrap" else [*{*below, *self._marked()}]

    def end(self):
        """End the process and whatever it has started; do nothing the second time."""
        if self._process.stdin.closed:
            return
        self._ended.set()
        self._watch.join()
        self._kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _kill(self):
        # In bubblewrap all end with the first one. Elsewhere children may have left the
        # group: they are found by whose they are, or by a mark in their environment.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self.kind == "user":
            everyone = "import os; os.kill(-1, 9)"  # whom this user may kill: its own
            subprocess.run([sys.executable, "-c", everyone], cwd="/", **_as_stranger())
        elif self.kind == "plain":
            looks_without = 0
            while looks_without < 2:  # one that just becomes a program shows no mark
                looks_without = 0 if self._end_marked() else looks_without + 1
                time.sleep(PAUSE)

    def _end_marked(self):
        """End the processes that bear the mark; return how many there were."""
        import psutil

        ended = 0
        for process in self._marked():
            with contextlib.suppress(psutil.Error):
                ended += process.status() != psutil.STATUS_ZOMBIE
                process.kill()
        return ended

    def _marked(self):
        """Return the processes that bear the mark, a list of psutil.Process."""
        name = "COURSE_SUBMISSION"
        return _processes(lambda process: process.environ().get(name) == self._mark)


def _processes(is_wanted):
    """Return the processes that are wanted, a list of psutil.Process."""
    import psutil

    found = []
    # Not process_iter: it remembers processes, and passes over a number used anew.
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if is_wanted(process):
                found.append(process)
    return found


def _environment(course, home):
    """Return the environment of a graded process: nothing of the grader's own."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "USER": "student",
        "PYTHONPATH": str(course),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "MNIST_DATA": "sample",
        "MPLBACKEND": "agg",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "IPYTHONDIR": f"{home}/ipython",
        "MPLCONFIGDIR": f"{home}/matplotlib",
    }


def limit_this_process():
    """Limit memory, files and processes of this process and of all that it starts."""
    import resource

    for name, limit in LIMITS.items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    # Outside bubblewrap whatever else this user runs counts, thread by thread.
    mine = _processes(lambda process: process.uids().real == os.getuid())
    limit = watch.PROCESSES + sum(map(_threads, mine))
    most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    if most == resource.RLIM_INFINITY or limit < most:
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))


def _threads(process):
    import psutil

    try:
        return process.num_threads()
    except psutil.Error:
        return 0
