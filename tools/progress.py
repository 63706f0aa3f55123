"""A progress bar that also says what the cell at work says: one of them trains.

Importing this module makes papermill know the engine named ENGINE.
"""

import re

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

ENGINE = "course"
# No estimate of the time that is left: one cell trains, the others take no time at all.
# The cell that trains says it for itself.
BAR = "{desc}|{bar:25}| {n_fmt}/{total_fmt} cells, {elapsed}{postfix}"
WIDTH = 60  # letters of what a cell says
OPTIONS = ("kernel_manager_class", "coalesce_streams", "store_widget_state")


class _Client(PapermillNotebookClient):
    def process_message(self, message, *cell):
        bar = self.nb_man.pbar  # none without a terminal
        if bar is not None:
            kind, content = message["msg_type"], message["content"]
            if kind == "execute_input":  # the next cell: what the last one said is old
                bar.set_postfix_str("")
            elif said := last_line(kind, content):
                bar.set_postfix_str(said)
        return super().process_message(message, *cell)


class _Engine(NBClientEngine):
    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **options):
        chosen = {name: options[name] for name in OPTIONS if name in options}
        return _Client(nb_man, kernel_name=kernel_name, **chosen).execute()


def last_line(kind, content):
    """Return the last line that a message shows as text, short; "" if there is none.

    Args:
        kind: the message's type, as Jupyter calls it.
        content: its content, a dict.
    """
    text = content.get("text", "") if kind == "stream" else ""
    if kind in ("display_data", "update_display_data"):
        text = content["data"].get("text/markdown", "")
        text = re.sub(r"`[^`]*`\s*", "", text)  # a bar within the bar
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:WIDTH] if lines else ""


papermill_engines.register(ENGINE, _Engine)
