"""Programs that course.py starts, and how they end: said in a sentence.

Python's standard library only, and only syntax that Python 3.6 can read.
"""

import re
import signal
import subprocess
import sys

from utils.places import COURSE_DIR

INTERRUPTED = 130  # the exit code of a program that was stopped by Ctrl-C


class Problem(Exception):
    """Something that the reader can put right; the message says how."""


def start(*command, **options):
    """Run a program as wait_for() does; end with its exit code if that is not 0.

    A module (python, "-m", name, …) is started by course.py, which sees to it that no
    file of the student's is taken for a module of Python's own.
    """
    if command[1] == "-m" and command[2].startswith(("tools.", "jupyterlab")):
        command = (command[0], COURSE_DIR / "course.py", "--module", *command[2:])
    code = wait_for(*command, **options)
    if code in (INTERRUPTED, -signal.SIGINT):
        raise KeyboardInterrupt
    if code:
        raise SystemExit(code if code > 0 else 128 - code)  # the shell's way to say it


def succeeds(*command):
    """Run a program as start() does; tell whether its exit code is 0."""
    try:
        start(*command)
    except SystemExit:
        return False
    return True


def wait_for(*command, ctrl_c_is_its_own=False, folder=COURSE_DIR):
    """Run a program in a folder, the course's by default, and return its exit code.

    Ctrl-C in a terminal reaches the program, too. It gets a moment to end what it has
    started itself, a notebook's kernel for instance.
    """
    process = subprocess.Popen([str(part) for part in command], cwd=str(folder))
    if ctrl_c_is_its_own:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return process.wait()
    except KeyboardInterrupt:
        for seconds, insist in ((3, process.terminate), (10, process.kill)):
            try:
                process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                insist()
        raise


def start_hushed(*command, what, folder):
    """Run a program whose errors are tracebacks; tell only what was raised first.

    Args:
        command: as for wait_for().
        what: what it is to do, as the end of "could not …".
        folder: where it runs.

    Raises:
        Problem: it failed; the message has the reason.
    """
    done = subprocess.run(
        [str(part) for part in command],
        cwd=str(folder),
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    if not done.returncode:
        print(done.stderr, end="", file=sys.stderr)
        return
    # The first is the cause; what is raised in the end only points to it.
    raised = re.findall(r"(?m)^ *(?:[\w.]+(?:Error|Exception)): *(\S.*)", done.stderr)
    reason = (raised or done.stderr.split("\n")[-2:])[0].strip() or "it gave no reason"
    raise Problem(f"{command[2]} could not {what}: {reason[:300]}")
