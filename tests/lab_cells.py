"""A lab's code, for tests: its definitions without its computing, or one section."""

import ast

import nbformat

from utils.places import COURSE_DIR

LABS = COURSE_DIR / "labs"


def definitions(name):
    """Run a lab's imports and function definitions; return what they define."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef)

    def wanted(node):
        quietly = isinstance(node, ast.With) and isinstance(node.body[0], ast.Import)
        return quietly or isinstance(node, kinds)

    body = [node for node in ast.parse(code(name)).body if wanted(node)]
    found = {}
    exec(compile(ast.Module(body, type_ignores=[]), name, "exec"), found)
    return found


def code(name, section=""):
    """Return a lab's code, or that of the section whose heading begins like this."""
    inside, sources = not section, []
    for cell in nbformat.read(LABS / name, as_version=4).cells:
        if section and cell.cell_type == "markdown" and cell.source.startswith("## "):
            inside = cell.source.startswith(f"## {section}")
        if inside and cell.cell_type == "code":
            sources.append(cell.source)
    assert sources, f"{name} has no code in section {section!r}"
    return "\n".join(sources)
