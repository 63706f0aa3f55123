"""A real JupyterLab in a real browser, for tests and for the benchmarks of the canvas.

Needs Playwright for Python (requirements-dev.txt) and a Chromium of the system.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from tools.lab_settings import configure_lab
from utils.canvas import strokes
from utils.places import COURSE_DIR

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--enable-precise-memory-info",
)
# A proxy, which HTTP_PROXY may name, cannot reach a server on this machine.
HERE_ALONE = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TOKEN = "course"
LAB = "labs/Your_Handwriting.ipynb"
PATIENCE = (
    300  # seconds, for whatever a page or a server is asked for on a busy machine
)


def why_not():
    """Return why no browser can be driven here, or None where one can."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        command = "pip install -r requirements-dev.txt -c constraints.txt"
        return f"Playwright is not installed: {command}"
    if not find_browser():
        return f"there is no browser: none of {', '.join(BROWSERS)}"
    return None


def find_browser():
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def jupyter(application="jupyterlab"):
    """Start Jupyter on a copy of the lab, with settings of its own; yield its address.

    Args:
        application: "jupyterlab" or "notebook".
    """
    with tempfile.TemporaryDirectory(prefix="course-browser-") as folder:
        root, settings = Path(folder, "course"), Path(folder, "settings")
        (root / "labs").mkdir(parents=True)
        shutil.copy(COURSE_DIR / LAB, root / LAB)
        (root / "utils").symlink_to(COURSE_DIR / "utils")
        configure_lab(settings)
        command = [sys.executable, "-m", application]
        if application == "jupyterlab":  # for restart(), which no mouse is free to do
            command.append("--LabApp.expose_app_in_browser=True")
        with serving(command, root, settings) as url:
            yield url


@contextmanager
def serving(command, root, settings):
    """Start a command that starts Jupyter; yield the server's address, end it then.

    Args:
        command: list of str, to which the server's options are added.
        root: the folder that it is started in and serves.
        settings: a folder for the configuration, the log and the runs: without runs
            in it, the shipped ones are read.
    """
    runtime = settings / "runtime"
    runtime.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
        "JUPYTER_CONFIG_DIR": str(settings),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "TMPDIR": str(runtime),  # where a show has a runtime folder of its own
        "IPYTHONDIR": str(settings / "ipython"),
        "RUNS_DIR": str(settings / "runs"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    environment.pop("PYTEST_CURRENT_TEST", None)
    command = [
        *command,
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={root}",
    ]
    with open(settings / "log", "w") as log:
        server = subprocess.Popen(
            command, cwd=root, env=environment, stdout=log, stderr=log
        )
    try:
        yield _address(runtime, server, settings / "log")
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _address(runtime, server, log, seconds=PATIENCE):
    """Return the address that a starting server writes down, once it answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        for path in runtime.rglob("jpserver-*.json"):
            try:
                url = json.loads(path.read_text())["url"]
                HERE_ALONE.open(f"{url}api?token={TOKEN}").close()
                return url
            except (OSError, ValueError):
                pass
        time.sleep(0.2)
    raise RuntimeError(f"Jupyter does not start: {log.read_text()[-2000:]}")


@contextmanager
def page_of(url, path, dark=False):
    """Open a page of Jupyter in Chromium; yield it as watched() does."""
    with watched(url, color_scheme="dark" if dark else "light") as page:
        page.goto(f"{url}{path}?token={TOKEN}", wait_until="domcontentloaded")
        yield page


@contextmanager
def page_on_disk(file, **options):
    """Open a file as a double click does; yield the page as watched() does.

    Args:
        file: a pathlib.Path.
        options: as watched() takes them.
    """
    file = file.resolve()
    with watched(file.parent.as_uri(), **options) as page:
        page.goto(file.as_uri())
        yield page


@contextmanager
def watched(allowed, **options):
    """Open an empty page in Chromium; yield it with .errors and .elsewhere.

    errors are the messages of the console, elsewhere the addresses outside of what is
    allowed that the page asked for; none of these is let through.

    Args:
        allowed: how the addresses begin that may be asked for.
        options: of the page, such as viewport, color_scheme, has_touch.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=list(FLAGS)
        )
        page = browser.new_page(
            **{"viewport": {"width": 1280, "height": 900}, **options}
        )
        page.set_default_timeout(1000 * PATIENCE)
        page.errors, page.elsewhere = [], []

        def gate(route):
            address = route.request.url
            if address.startswith((allowed, "data:", "blob:")):
                route.continue_()
            else:
                page.elsewhere.append(address)
                route.abort()

        page.route("**/*", gate)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on(
            "console",
            lambda m: page.errors.append(m.text) if m.type == "error" else None,
        )
        try:
            yield page
        finally:
            browser.close()


def run_to_canvas(page):
    """Run the cells of the open lab as far as the canvas; return it when it is ready.

    The cells below need minutes, and none of what the canvas does; they keep the
    outputs that they have.
    """
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    # Cells that are run before the kernel is connected are dropped without a word.
    page.locator("#jp-main-statusbar", has_text="| Idle").wait_for()
    page.wait_for_timeout(1000)
    page.evaluate(
        "document.querySelectorAll('.digit-canvas').forEach(c => c.dataset.old = '')"
    )
    page.evaluate(
        """() => {
            const notebook = jupyterapp.shell.currentWidget.content;
            const sources = [...notebook.model.cells].map(c => c.sharedModel.source);
            const canvas = sources.findIndex(source => source.includes("= Canvas("));
            notebook.activeCellIndex = canvas + 1;
        }"""
    )
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator("li[data-command='notebook:run-all-above']").click()
    new = page.locator(".digit-canvas:not([data-old])")
    new.first.wait_for(state="attached")
    wait_until_idle(page)
    return show_canvas(page)


def show_canvas(page):
    """Scroll to the canvas and return it: JupyterLab hides what is far away."""
    canvas = page.locator(".digit-canvas")
    canvas.evaluate("canvas => canvas.scrollIntoView({block: 'center'})")
    canvas.locator(".dc-paper").wait_for()
    page.wait_for_timeout(500)  # the page settles
    canvas.evaluate("canvas => canvas.scrollIntoView({block: 'center'})")
    return canvas


def wait_until_idle(page, seconds=2 * PATIENCE):
    """Wait until the page says that the kernel has nothing to do, for two seconds.

    The server's own word is not enough: after a restart it may be an old one.
    """
    indicator = page.locator(".jp-Notebook-ExecutionIndicator").first
    deadline = time.monotonic() + seconds
    quiet = 0
    while time.monotonic() < deadline:
        idle = indicator.get_attribute("data-status") == "idle"
        quiet = quiet + 1 if idle else 0
        if quiet == 10:
            return
        page.wait_for_timeout(200)
    raise RuntimeError("The notebook is not done in time.")


def restart(page):
    """Restart the kernel as the Kernel menu does, while the mouse is busy elsewhere.

    Not through the server: JupyterLab would then say "Starting" and never anything
    else, whatever the notebook holds.
    """
    page.evaluate("void window.jupyterapp.commands.execute('kernelmenu:restart')")
    accept = page.locator(".jp-Dialog .jp-mod-accept")
    accept.wait_for()
    accept.evaluate("button => button.click()")
    accept.wait_for(state="detached")


def draw_a_one_with_keys(page, paper):
    """Draw a line from above the middle to below it; the pen stays down."""
    paper.focus()
    for _ in range(14):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(28):
        page.keyboard.press("ArrowDown")


def draw(page, canvas, drawing, wait=True):
    """Draw with the mouse, as a person would: along the strokes, in small steps."""
    box = canvas.locator(".dc-paper").bounding_box()
    for stroke in drawing:
        points = strokes.path(stroke, steps=5) * box["width"]
        points += (box["x"], box["y"])
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()
    if wait:
        wait_for_answer(page)


def wait_for_answer(page):
    page.wait_for_function(
        "document.querySelector('.digit-canvas')?.dataset.busy === 'no'"
    )
