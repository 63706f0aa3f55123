"""A show in JupyterLab: a lesson, or a notebook, as slides whose cells run.

    python -m tools.present 45                  the guide's plan of 45 minutes
    python -m tools.present my-plan.txt         a plan of one's own
    python -m tools.present ANN --no-browser    a whole notebook; options of JupyterLab

Started by course.py. The show is a copy in build/present/, without outputs: what is
seen was computed in the room, and the course's notebooks stay as they are. The kernel
is started here and runs what the cells on the slides need before the browser opens;
JupyterLab joins a kernel that its notebook has already.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from pathlib import Path
from urllib.parse import quote

import nbformat
from jupyter_client import BlockingKernelClient
from jupyter_core.paths import jupyter_runtime_dir

from tools.lab_settings import configure_lab
from tools.lesson import lesson, whole
from tools.notebook_file import LINK
from tools.plans import PlanError, notebook_called, notebooks, read_plan
from utils.bounded import BadFile
from utils.places import COURSE_DIR

FOLDER = COURSE_DIR / "build" / "present"
HERE = Path(__file__).resolve().parent
SECONDS_TO_START = 90
RUNNING = ".server.json"  # in FOLDER: what a show's server writes down of itself
# A proxy, which HTTP_PROXY may name, cannot reach a server on this machine.
HERE_ALONE = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# Where a slide has the focus, and where nothing has it: JupyterLab opens some notebooks
# so, and a teacher should not have to click first.
ON_A_SLIDE = ".jp-Deck .jp-Notebook"
NOWHERE = "body[data-jp-deck-mode='presenting']:not(:has(:focus))"
# In command mode the slides and JupyterLab bind keys to whatever has the focus: a
# selector that says more than theirs counts.
FOCUS = ".jp-NotebookPanel.jp-Deck .jp-Notebook.jp-mod-commandMode :focus"
ON = {"direction": "down", "alternate": "forward"}
BACK = {"direction": "up", "alternate": "back"}
# What clickers send besides: "start" begins the show where it was ended (and does not
# load the page afresh, without what was run); for "black" JupyterLab would add a cell.
START, BLACK = ("F5", "Shift F5"), ("B", ".", ",", "W")
# Escape ends the show, which leaves the notebook at its top: a step up and down again
# brings the cell that was shown into sight. From the first cell there is no step up.
FIRST = ":has(.jp-Cell:first-child.jp-mod-active)"
UP, DOWN = "notebook:move-cursor-up", "notebook:move-cursor-down"


def shortcut(key, selector, command, **args):
    """Return a setting of JupyterLab: what a key does where a selector matches."""
    return {"keys": [key], "selector": selector, "command": command, "args": args}


def end_by_escape(selector, *steps):
    """Return the shortcut that ends a show and takes some steps."""
    commands = ["deck:stop", *steps]
    return shortcut("Escape", selector, "apputils:run-all-enabled", commands=commands)


SHORTCUTS = [
    *(
        shortcut(key, selector, "deck:go", **way)
        for selector in (ON_A_SLIDE, NOWHERE)
        for key, way in (("PageDown", ON), ("PageUp", BACK))
    ),
    shortcut("Space", NOWHERE, "deck:go", **ON),
    shortcut("Shift Space", NOWHERE, "deck:go", **BACK),
    *(shortcut(key, "body", "deck:start") for key in START),
    *(shortcut(key, FOCUS, "apputils:run-all-enabled", commands=[]) for key in BLACK),
    end_by_escape(FOCUS, UP, DOWN),
    end_by_escape(NOWHERE, UP, DOWN),
    end_by_escape(FOCUS.replace(" :focus", f"{FIRST} :focus"), DOWN, UP),
    end_by_escape(NOWHERE + FIRST, DOWN, UP),
]
# JupyterLab's settings for a show: it begins at once, and nothing is saved unasked.
SETTINGS = {
    "jupyterlab-slideshow:plugin": {"active": True},
    # What slides need anyway. Changed while the notebook opens, it causes errors.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/shortcuts-extension:shortcuts": {"shortcuts": SHORTCUTS},
}


class PresentError(Exception):
    """The show cannot begin; the message says what to do."""


def make_show(name, folder=FOLDER):
    """Write the notebook of a show into a folder.

    Args:
        name: "45", "90", a plan's file, or the name of a notebook ("ANN", "ann.ipynb").
        folder: where it goes.

    Returns:
        (path of the notebook, dict from a notebook's name to the number of the last
        section whose code the show needs): empty for a whole notebook.

    Raises:
        PlanError: there is no such plan or notebook.
    """
    if notebook_called(name):
        source = notebooks()[notebook_called(name)]
        show, needed = whole(source), {}
        target = folder / source.name
    else:
        plan = read_plan(name)
        show, needed = lesson(plan), {}
        for step in plan:
            if step.notebook:
                last = max(step.sections)
                needed[step.notebook] = max(last, needed.get(step.notebook, 0))
        target = folder / f"Lesson_{Path(name).stem}.ipynb"
    nbformat.write(show, target)
    return target, needed


def lead_home(show):
    """Let a show's links lead to the course's files from where the show is.

    Args:
        show: path of its notebook, which is written anew.
    """
    notebook, known = nbformat.read(show, as_version=4), notebooks()
    whole = known.get(notebook_called(show.name), COURSE_DIR / show.name)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            origin = known.get(cell.id.partition("-")[0], whole)
            way = Path(os.path.relpath(origin.parent, show.parent)).as_posix()
            cell.source = LINK.sub(rf"[\1]({way}/\2)", cell.source)
    nbformat.write(notebook, show)


def address_of_running():
    """Return the address of the show that is on in FOLDER, or None.

    What an ended one has left there does not answer, or to another token.
    """
    try:
        info = json.loads((FOLDER / RUNNING).read_text(encoding="utf-8"))
        ask(info, "api/status")
        return info["url"]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def note_running(info):
    """Write down a show's server where the next start looks; nobody else reads it."""
    file = os.open(FOLDER / RUNNING, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(file, "w", encoding="utf-8") as place:
        json.dump({key: info[key] for key in ("url", "token")}, place)


def settle(folder):
    """Write JupyterLab's settings and the projector's style into a folder."""
    configure_lab(folder, default_setting_overrides=SETTINGS)
    (folder / "custom").mkdir()
    shutil.copy(HERE / "projector.css", folder / "custom" / "custom.css")


def wait_for_server(process):
    """Return what a starting Jupyter server writes down of itself, once it answers.

    Raises:
        PresentError: it ended, or does not answer.
    """
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        # Not by the process's number: on Windows, Python in .venv starts another one.
        for place in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
            try:
                info = json.loads(place.read_text())
                ask(info, "api/status")
                return info
            except (OSError, ValueError):
                pass
        time.sleep(0.2)
    if process.poll() is None:
        raise PresentError(
            f"JupyterLab does not answer after {SECONDS_TO_START} seconds; what it says"
            " stands above."
        )
    raise PresentError("JupyterLab did not start; the last line above says why.")


def ask(info, path, body=None):
    """Ask a Jupyter server for something, or with a body to make something."""
    request = urllib.request.Request(
        info["url"] + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {info['token']}"},
    )
    with HERE_ALONE.open(request, timeout=60) as answer:
        return json.load(answer)


def prepare(info, show, needed):
    """Start a show's kernel and run in it what its cells need.

    Of a whole notebook that is the cell that finds the course: it is on no slide.

    Raises:
        PresentError: a cell failed.
    """
    path = show.relative_to(COURSE_DIR).as_posix()
    body = {"path": path, "name": show.name, "type": "notebook"}
    session = ask(info, "api/sessions", {**body, "kernel": {"name": "python3"}})
    connection = Path(jupyter_runtime_dir(), f"kernel-{session['kernel']['id']}.json")
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    try:
        wait_for_kernel(client)
        execute(client, f"import os, sys; os.chdir({str(COURSE_DIR)!r})")
        execute(client, f"sys.path.insert(0, {str(COURSE_DIR)!r})")
        if not needed:
            for cell in nbformat.read(show, as_version=4).cells:
                if cell.metadata.get("slideshow", {}).get("slide_type") == "skip":
                    execute(client, cell.source)
            return
        execute(client, "from tools.stage import open_stage; _stage = open_stage()")
        for name, last in needed.items():
            print(f"Preparing {name}, sections up to {last} …", flush=True)
            source = str(notebooks()[name])
            execute(client, f"_stage.prepare({name!r}, {source!r}, {last})")
        execute(client, f"_stage.follow({str(show)!r})")
    finally:
        client.stop_channels()


def wait_for_kernel(client):
    """Wait until a kernel answers.

    A client takes a kernel for dead that misses a heartbeat, as one does that is just
    starting on a busy machine: so it asks again.

    Raises:
        PresentError: it does not answer in time.
    """
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            return client.wait_for_ready(timeout=SECONDS_TO_START)
        except RuntimeError as error:
            if time.monotonic() > deadline:
                raise PresentError(f"The notebook's Python: {error}") from None


def execute(client, code):
    """Run code in a kernel, silently.

    Raises:
        PresentError: it failed; the message is the exception's.
    """
    reply = client.execute_interactive(code, store_history=False, output_hook=quiet)
    if reply["content"]["status"] != "ok":
        raise PresentError(reply["content"].get("evalue", "The kernel was stopped."))


def quiet(_message):
    """Show nothing of what a cell prints."""


def end(_signal, _frame):
    """End, and JupyterLab with us: main() sees to that."""
    raise SystemExit(128 + signal.SIGTERM)


def main(name="", *arguments):
    """Open a show; return the exit code of JupyterLab."""
    signal.signal(signal.SIGTERM, end)
    if address := address_of_running():  # whose notebook a page may yet load afresh
        print(
            f"A show is on already, at {address}: end it first, with Ctrl-C twice "
            "where it was started.",
            file=sys.stderr,
        )
        return 1
    shutil.rmtree(FOLDER, ignore_errors=True)  # with the settings of the last show
    FOLDER.mkdir(parents=True)
    try:
        show, needed = make_show(name, FOLDER)
    except (BadFile, PlanError) as error:
        print(error, file=sys.stderr)
        return 1
    settle(FOLDER)
    os.environ["JUPYTER_CONFIG_DIR"] = str(FOLDER)
    # What servers and kernels write down of themselves is here this show's alone.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as runtime:
        os.environ["JUPYTER_RUNTIME_DIR"] = runtime
        return open_show(show, needed, arguments)


def open_show(show, needed, arguments):
    """Start JupyterLab, prepare a show in it, and wait for its end.

    Args:
        show: path of the notebook.
        needed: as make_show() returns it.
        arguments: for JupyterLab.

    Returns:
        JupyterLab's exit code, or 1 where the show could not begin.
    """
    lead_home(show)
    page = f"lab/tree/{quote(show.relative_to(COURSE_DIR).as_posix())}"
    # The browser waits until the kernel is ready.
    options = ["--no-browser", f"--LabApp.default_url=/{page}", *arguments]
    command = [sys.executable, "-m", "jupyterlab", "--custom-css", *options]
    process = subprocess.Popen(command, cwd=COURSE_DIR)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is JupyterLab's own
    try:
        info = wait_for_server(process)
        note_running(info)
        prepare(info, show, needed)
        url = f"{info['url']}{page}?token={info['token']}"
        print(f"Ready: {url}", flush=True)
        if "--no-browser" not in arguments:
            webbrowser.open(url)
        return process.wait()
    except PresentError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
