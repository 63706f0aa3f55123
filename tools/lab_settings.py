"""JupyterLab's settings for the course: no question about news, and what a room needs.

Standard library and syntax of Python 3.6 only, like course.py, which imports it.
"""

import json

NEWS = "@jupyterlab/apputils-extension:announcements"  # it asks the network


def configure_lab(folder, **files):
    """Put files of JupyterLab's configuration into a folder."""
    # JupyterLab's question about news covers the slides' controls and asks the network.
    # No option stops it, only a configuration file in which its extension is disabled.
    files["page_config"] = {"disabledExtensions": {NEWS: True}}
    (folder / "labconfig").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / "labconfig" / f"{name}.json").write_text(json.dumps(content))
