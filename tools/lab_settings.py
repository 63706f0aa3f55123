"""JupyterLab's settings for the course: no question about news, and what a room needs.

Standard library and syntax of Python 3.6 only, like course.py, which imports it.
"""

import json

from utils.places import COURSE_DIR

NEWS = "@jupyterlab/apputils-extension:announcements"  # it asks the network


def configure_lab(folder, **files):
    """Put files of JupyterLab's configuration into a folder."""
    # JupyterLab's question about news covers the slides' controls and asks the network.
    # No option stops it, only a configuration file in which its extension is disabled.
    files["page_config"] = {"disabledExtensions": {NEWS: True}}
    (folder / "labconfig").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / "labconfig" / f"{name}.json").write_text(json.dumps(content))
    # The pages that we open are named from here, whatever folder the user's own files
    # name. Not an option: JupyterLab takes each once, and this one may be typed.
    server = {"ServerApp": {"root_dir": str(COURSE_DIR)}}
    (folder / "jupyter_server_config.json").write_text(json.dumps(server))
