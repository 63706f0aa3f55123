"""What a graded process can reach, for each protection that this machine can give.

No notebook and no nbgrader here: a probe tries what a hostile submission would try.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tools.graded import frames, sandbox, watch, worker
from utils.places import COURSE_DIR

psutil = pytest.importorskip(
    "psutil", reason="nbgrader is in requirements-dev.txt only"
)
pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no processes kept to themselves"
)

WITHOUT = "nobody here can start a program as a user without a home"
MARK = "98766"  # seconds that the probe's children sleep
PROBE = """
import json, os, socket, subprocess, sys

book, secret, port, hide = sys.argv[1:]

def can(what, *arguments):
    try:
        what(*arguments)
    except OSError:
        return False
    return True

def many_files():
    for k in range(4):
        with open(f"{k}.large", "wb") as file:
            file.truncate(2**28)
            os.posix_fallocate(file.fileno(), 0, 2**28)

found = {
    "user": os.getuid(),
    "course": can(open, "../../utils.py", "a"),
    "book": can(open, book, "a"),
    "secret": can(open, secret),
    "work": can(open, "mine.txt", "w"),
    "the kernel": can(open, "/proc/sys/kernel/core_pattern", "a"),
    "shared memory": can(os.posix_fallocate, os.open("/dev/shm/a", 66), 0, 2**30)
    if hide == "fill" else None,
    "more rights": hide == "fill" and not subprocess.run(["unshare", "-Ur", "true"],
        stderr=subprocess.DEVNULL).returncode,
    "network": can(socket.create_connection, ("127.0.0.1", int(port)), 2),
    "disk": can(many_files) if hide == "fill" else None,
}
for _ in range(20):
    command = ["sleep", "98766"]
    options = {} if hide == "no" else {"env": {"PATH": os.environ["PATH"]}}
    subprocess.Popen(command, start_new_session=True, **options)
print(json.dumps(found), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place():
    """A folder that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def probed(kind, place, hide):
    """Let the probe try it all under a protection; return what it could do."""
    clean, book, secret = (place / name for name in ("clean", "book.db", "secret"))
    (clean / "exercises" / "work").mkdir(parents=True)
    (clean / "utils.py").touch()
    (clean / "probe.py").write_text(PROBE)
    book.touch()
    secret.touch(mode=0o600)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        module = ("probe", str(book), str(secret), port, hide)
        process = sandbox.Process(kind, module, clean)
        try:
            with os.fdopen(os.dup(process.answer)) as lines:
                return json.loads(lines.readline())
        finally:
            process.end()


def sleepers():
    """Return what of the probe's children does not end; a death takes a moment."""
    mine = []
    for pid in psutil.pids():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if MARK in process.cmdline():
                mine.append(process)
    return psutil.wait_procs(mine, timeout=60)[1]


@pytest.mark.skipif(sandbox.why_not() is not None, reason=str(sandbox.why_not()))
def test_in_bubblewrap_nothing_is_within_reach_and_nothing_is_left(place):
    found = probed("bubblewrap", place, "fill")
    assert found.pop("work")
    assert found.pop("user") == 1000 and not any(found.values())
    assert not sleepers()


@pytest.fixture
def startable(monkeypatch):
    """A Python that a user without rights can start."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip(WITHOUT)
    pythons = sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")
    for python in filter(None, pythons):
        try:
            command = [python, "-c", "import json"]
            subprocess.run(command, cwd="/", check=True, **sandbox._as_stranger())
        except OSError:
            continue
        monkeypatch.setattr(sys, "executable", python)
        return
    pytest.skip(WITHOUT)


@pytest.mark.usefixtures("startable")
def test_as_a_user_without_rights_nothing_can_be_written_and_nothing_is_left(place):
    bystander = subprocess.Popen(["sleep", "60"])
    found = probed("user", place, "yes")
    assert found["user"] == sandbox.stranger() not in (0, os.getuid())
    assert found["work"] and found["network"]  # the latter is said at the start
    assert not (found["course"] or found["book"] or found["secret"])
    assert not sleepers()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_without_protection_a_number_used_anew_is_ended_too(place, monkeypatch):
    """Of a process whose number another one had, psutil's own list says nothing."""
    monkeypatch.setattr(psutil, "process_iter", lambda *_: [])
    assert probed("plain", place, "no")["work"]
    assert not sleepers()


def test_without_protection_one_that_just_becomes_a_program_is_ended_too(
    place, monkeypatch
):
    """Between fork and exec the system shows no environment, so no mark."""
    (place / "clean/exercises/work").mkdir(parents=True)
    (place / "clean/sleeps.py").write_text(
        "import subprocess\n"
        f"subprocess.Popen(['sleep', {MARK!r}], start_new_session=True)\n"
        "print(flush=True)\ninput()\n"
    )
    process = sandbox.Process("plain", ("sleeps",), place / "clean")
    assert os.read(process.answer, 1)
    environ, looks = psutil.Process.environ, []

    def not_at_first(self):
        is_it = MARK in self.cmdline()
        looks.extend([self] if is_it else [])
        return {} if is_it and len(looks) < 2 else environ(self)

    monkeypatch.setattr(psutil.Process, "environ", not_at_first)
    process.end()
    monkeypatch.undo()
    assert not sleepers()


def test_without_protection_nothing_is_left_running_and_the_rest_is_said(place):
    found = probed("plain", place, "no")
    assert found["book"] and found["secret"] and found["network"]
    assert not sleepers()
    for words in ("your permissions", "read and write your files", "network"):
        assert words in sandbox.advice("plain")


@pytest.mark.parametrize("kind", ["user", "plain"])
def test_a_container_program_is_named_where_there_is_one(kind, monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: name == "podman")
    assert "podman is installed" in sandbox.advice(kind)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert "is installed: grade" not in sandbox.advice(kind)


# --- what it takes of the machine, in all --------------------------------------------

MANY = """
import os, sys, time

n, size = int(sys.argv[1]), int(sys.argv[2])
for _ in range(n):
    if not os.fork():
        os.setsid()
        mine = bytearray(os.urandom(2**16)) * (size // 2**16)
        time.sleep(98766)
time.sleep(98766)
"""
KINDS = ["plain"]
if sandbox.why_not() is None:
    KINDS.append("bubblewrap")


def taking(kind, place, n_processes, n_bytes):
    """Start a program that takes memory in many processes; return it."""
    clean = place / f"clean-{kind}-{n_processes}"
    (clean / "exercises" / "work").mkdir(parents=True)
    (clean / "many.py").write_text(MANY)
    module = ("many", str(n_processes), str(n_bytes))
    return sandbox.Process(kind, module, clean)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("n_processes", "n_bytes", "reason"),
    [
        (6, 60 * 2**20, "it took more than 0.2 GB of memory in all"),
        (25, 2**16, "it started more than 20 processes"),
    ],
)
def test_many_processes_are_stopped_for_what_they_take_together(
    kind, n_processes, n_bytes, reason, place, monkeypatch
):
    monkeypatch.setattr(watch, "MEMORY", 200 * 2**20)
    monkeypatch.setattr(watch, "PROCESSES", 20)
    process = taking(kind, place, n_processes, n_bytes)
    try:
        with pytest.raises(frames.Silence, match="its process ended"):
            frames.receive(process.answer, time.monotonic() + 60)
        assert process.stopped_for == f"stopped: {reason}"
    finally:
        process.end()
    assert not sleepers()


@pytest.mark.parametrize("kind", KINDS)
def test_what_processes_share_counts_once(kind, place, monkeypatch):
    """Ten children of one that holds 60 MB hold no more than it does."""
    clean = place / "clean"
    (clean / "exercises" / "work").mkdir(parents=True)
    shared = MANY.replace("n, size", "much = os.urandom(60 * 2**20)\nn, size")
    (clean / "many.py").write_text(shared)
    looked = []
    memory = watch._memory
    monkeypatch.setattr(watch, "MEMORY", 300 * 2**20)
    monkeypatch.setattr(
        watch, "_memory", lambda process: looked.append(process) or memory(process)
    )
    process = sandbox.Process(kind, ("many", "10", str(2**16)), clean)
    try:
        with pytest.raises(frames.TooLate):  # nothing ends it
            while len(looked) < 60:
                with suppress(frames.TooLate):
                    frames.receive(process.answer, time.monotonic() + 0.1)
            frames.receive(process.answer, time.monotonic() + 0.1)
        assert process.stopped_for is None
    finally:
        process.end()


@pytest.mark.usefixtures("startable")
def test_what_else_a_user_runs_does_not_use_up_the_processes():
    """A teacher's desktop runs more threads than a submission may start."""
    crowd = (
        "import threading, time\n"
        f"for _ in range({watch.PROCESSES + 100}):\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "print('ready', flush=True)\ntime.sleep(60)"
    )
    start = (
        "import sys, threading; sys.path[:0] = sys.argv[1:]\n"
        "from tools.graded import sandbox\n"
        "sandbox.limit_this_process()\n"
        "thread = threading.Thread(target=print, args=('started',))\n"
        "thread.start(); thread.join()"
    )
    options = {"text": True, "cwd": "/", "stdout": subprocess.PIPE}
    options |= sandbox._as_stranger()
    with subprocess.Popen([sys.executable, "-c", crowd], **options) as others:
        try:
            assert others.stdout.readline() == "ready\n"
            folders = str(COURSE_DIR), str(Path(psutil.__file__).parents[1])
            done = subprocess.run([sys.executable, "-c", start, *folders], **options)
        finally:
            others.kill()
    assert done.stdout == "started\n"


# --- what a submission's process may send --------------------------------------------


def sent(content):
    """Return what frames.receive makes of bytes."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as answer, tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        child = subprocess.Popen(["cat"], stdin=file, stdout=writing)
        os.close(writing)
        try:
            return frames.receive(answer.fileno())
        finally:
            child.kill()
            child.wait()


def frame(words, size=None):
    return (size or len(words)).to_bytes(8, "big") + words


HOSTILE = {
    "nothing": b"",
    "half a length": b"\0\0",
    "huge": frame(b"{}", 2**62),
    "short": frame(b"{}", 100),
    "no JSON": frame(b"{"),
    "deep": frame(b"[" * 10**6),
    "many words": frame(b"[" + b"[]," * 2_000_000 + b"1]"),
    "not UTF-8": frame(b'"\xff"'),
    "a list": frame(b"[1]\n"),
    "null": frame(b"null"),
    "a text": frame(b'"said"'),
    "an error in words": frame(b'{"said": "x", "error": "boom"}\n'),
    "an error in a list": frame(b'{"error": [1]}'),
    "an error that is none": frame(b'{"error": false}'),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_answer_is_silence(case):
    with pytest.raises(frames.Silence):
        sent(HOSTILE[case])


@pytest.mark.parametrize(
    "words",
    [
        {"array": "|O", "shape": [1], "start": 0},
        {"array": "f4,f4", "shape": [1], "start": 0},
        {"array": "<f8", "shape": [10**15], "start": 0},
        {"array": "<f8", "shape": [1], "start": -8},
        {"array": "<f8", "shape": ["x"], "start": 0},
        {"array": "nonsense", "shape": [1], "start": 0},
        {"array": "<f8"},
        {"list": 7},
        [],
        7,
    ],
)
def test_arrays_that_cannot_be_raise_and_take_no_memory(words):
    with pytest.raises((frames.Silence, ValueError, TypeError, LookupError)):
        frames.unpacked(words, bytes(8))


def test_little_is_never_taken_for_much():
    """The same bytes, stated a thousand times."""
    words = {"array": "|u1", "shape": [2**20], "start": 0}
    with pytest.raises(frames.Silence, match="less than it said"):
        frames.unpacked({"list": [words] * 1000}, bytes(2**20))


def test_who_does_not_listen_is_not_waited_for_for_ever():
    listens, speaks = os.pipe()
    os.set_blocking(speaks, False)
    try:
        with pytest.raises(frames.Silence, match="does not listen"):
            frames.send(speaks, {}, bytes(2**20), time.monotonic() + 0.2)
    finally:
        os.close(listens)
        os.close(speaks)


def test_what_is_packed_comes_back():
    value = [None, "é", np.arange(6).reshape(2, 3), np.array(0.5), [np.array(True)]]
    words, blobs = frames.packed(
        [np.asarray(v) if hasattr(v, "dtype") else v for v in value]
    )
    came = frames.unpacked(json.loads(json.dumps(words)), blobs)
    assert came[:2] == value[:2] and came[4][0].dtype == bool
    np.testing.assert_array_equal(came[2], value[2])


def test_an_error_that_cannot_speak_is_named():
    class Mute(Exception):
        def __str__(self):
            raise ValueError

    said = worker.described(Mute(), SimpleNamespace(user_ns={}))
    assert said["kind"] == said["text"] == "Mute"


def seen_and_written(folder, clean):
    """Return what a submission sees in a folder, and whether it can write to it."""
    (clean / "exercises/work").mkdir(parents=True, exist_ok=True)
    (clean / "looks.py").write_text(
        "import json, pathlib\n"
        f"here = pathlib.Path({str(folder)!r})\n"
        "def writes():\n"
        "    try:\n"
        "        (here / 'mine').touch()\n"
        "    except OSError:\n"
        "        return False\n"
        "    return True\n"
        "seen = sorted(p.relative_to(here).as_posix() for p in here.glob('**/*'))\n"
        "print(json.dumps([seen, writes()]), flush=True)\n"
    )
    process = sandbox.Process("bubblewrap", ("looks",), clean)
    try:
        with os.fdopen(os.dup(process.answer)) as lines:
            return json.loads(lines.readline())
    finally:
        process.end()


in_bubblewrap = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=str(sandbox.why_not())
)


@in_bubblewrap
def test_a_course_that_lies_where_the_system_is_shown_is_hidden(place, monkeypatch):
    course, clean = place / "opt" / "course", place / "clean"
    for folder in (course / "exercises", course / ".venv"):
        folder.mkdir(parents=True)
    (course / "exercises" / "gradebook.db").touch()
    (course / ".venv" / "pyvenv.cfg").touch()
    monkeypatch.setattr(sandbox, "COURSE_DIR", course)
    monkeypatch.setattr(sandbox, "SYSTEM", (*sandbox.SYSTEM, str(place / "opt")))
    monkeypatch.setattr(sys, "base_prefix", str(course / ".venv"))
    seen, may_write = seen_and_written(course, clean)
    assert seen == [".venv", ".venv/pyvenv.cfg"] and not may_write


@in_bubblewrap
def test_a_course_that_is_a_virtual_environment_itself_is_hidden(place, monkeypatch):
    """As `python -m venv .` makes it."""
    course, clean = place / "course", place / "clean"
    (course / "exercises").mkdir(parents=True)
    (course / "exercises" / "gradebook.db").touch()
    (course / "pyvenv.cfg").touch()
    monkeypatch.setattr(sandbox, "COURSE_DIR", course)
    monkeypatch.setattr(sys, "base_prefix", str(course))
    assert seen_and_written(course, clean) == [["pyvenv.cfg"], False]


@in_bubblewrap
@pytest.mark.parametrize("scratch", ["opt", "opt/scratch"])
def test_clean_copies_that_lie_where_the_system_is_shown_are_hidden(
    place, monkeypatch, scratch
):
    """TMPDIR may be /opt/scratch; the judge's copy has solutions and hidden tests."""
    judge, clean = place / scratch / "judge", place / scratch / "student"
    judge.mkdir(parents=True)
    (judge / "Solutions.ipynb").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(place / scratch))
    monkeypatch.setattr(sandbox, "SYSTEM", (*sandbox.SYSTEM, str(place / "opt")))
    assert seen_and_written(place / scratch, clean) == [[], False]


def test_a_machine_that_runs_out_of_memory_stops_what_runs(monkeypatch):
    memory = SimpleNamespace(total=2**34, available=2**28)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert "hardly any memory" in watch.excess([])
    memory.available = 2**33
    assert watch.excess([]) is None


def test_a_machine_that_fills_while_processes_are_counted_is_seen_to(monkeypatch):
    """Hundreds of processes in thousands of pieces take seconds to add up."""
    memory = SimpleNamespace(total=2**34, available=2**33)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    asked = []

    def slowly(process):
        asked.append(process)
        memory.available -= 2**31
        return 0

    monkeypatch.setattr(watch, "_memory", slowly)
    assert "hardly any memory" in watch.excess(list(range(1, 200)))
    assert len(asked) == 4
