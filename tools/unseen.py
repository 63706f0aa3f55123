"""In a kernel whose outputs nobody sees: figures, but no pictures of them.

A picture of a figure takes a third of a second, and more.
"""


def make_pictures(shell, wanted):
    """Let an IPython shell make pictures of what its cells show, or none."""
    formatter = shell.display_formatter
    kinds = formatter.format_types
    formatter.active_types = [k for k in kinds if wanted or not k.startswith("image/")]
    # Our figures speak for themselves (utils.plots.style), whatever types are active.
    formatter.mimebundle_formatter.enabled = wanted
