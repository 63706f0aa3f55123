"""In a kernel whose outputs nobody sees: figures, but no pictures of them.

A picture of a figure takes a third of a second, and more.
"""


def make_pictures(shell, wanted):
    """Let an IPython shell make pictures of what its cells show, or texts alone."""
    formatter = shell.display_formatter
    formatter.active_types = formatter.format_types if wanted else ["text/plain"]
    # Our figures speak for themselves (utils.plots.style), whatever types are active.
    formatter.mimebundle_formatter.enabled = wanted
