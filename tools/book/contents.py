"""What is in the book, in its order, and where in the course each page comes from."""

import posixpath
import re
from pathlib import PurePosixPath

from tools.notebook_file import LINK
from utils.places import COURSE_DIR, LABS, NOTEBOOKS

EXERCISES = tuple(
    f"exercises/release/{name}/{title}_Exercises.ipynb"
    for name, title in (("ann", "ANN"), ("cnn", "CNN"), ("comparison", "Comparison"))
)
ALL_NOTEBOOKS = (*NOTEBOOKS, *LABS, *EXERCISES)
# Pages that are a file of the course as it is. The answers are for instructors who
# look for them: no page of the book, and no page links to them.
TEXTS = (
    "exercises/README.md",
    "docs/instructor-guide.md",
    "docs/glossary.md",
    "docs/tracking.md",
)
# Pages that are sections of the README, by their headings.
FROM_README = {
    "index.md": ("Two commands", "Three ways through", "The map"),
    "results.md": ("Results",),
    "installing.md": (
        "In class",
        "A book on the web",
        "The plain way",
        "An offline classroom",
        "If something fails",
    ),
    "cite.md": ("Licence and citation",),
}
TITLES = {
    "results.md": "The results",
    "installing.md": "Installing, and teaching with it",
    "cite.md": "How to cite the course",
}
# A folder that a text links to, and the page of the book that shows what is in it.
FOLDERS = {"exercises": "exercises/README.md", "labs": "index.md#The-map"}


class BookError(Exception):
    """The book cannot be made; the message says what to do."""


def chapters(extra=()):
    """Return the parts of the book: list of (caption, names of pages).

    Args:
        extra: names of pages to teach with that are there only sometimes.
    """
    return [
        ("The course", [*NOTEBOOKS, "draw.md"]),
        ("Labs", list(LABS)),
        ("Exercises", ["exercises/README.md", *EXERCISES]),
        ("To teach", ["docs/instructor-guide.md", *extra, "installing.md"]),
        (
            "To look up",
            ["docs/glossary.md", "results.md", "docs/tracking.md", "cite.md"],
        ),
    ]


def readme_page(readme, name):
    """Return a page of the book that is made of sections of the README.

    Raises:
        BookError: the README has no such section.
    """
    top, *sections = re.split(r"(?m)^(?=## )", readme)
    by_title = {text.splitlines()[0].removeprefix("## "): text for text in sections}
    missing = [title for title in FROM_README[name] if title not in by_title]
    if missing:
        raise BookError(
            f"README.md has no section {missing[0]!r}, which the book shows."
        )
    parts = [by_title[title] for title in FROM_README[name]]
    if name == "index.md":
        return "\n".join([top, *parts])
    if len(parts) == 1:  # the page's title is the section's
        parts = [parts[0].partition("\n")[2]]
    return "\n".join([f"# {TITLES[name]}\n", *parts])


CODE = re.compile(r"(?ms)^(`{3,}|~{3,}).*?^\1[^\n]*$")


def relinked(text, name, address=""):
    """Return a Markdown text whose links lead to pages of the book.

    What is no page, such as a program, is linked where the course's address is known,
    and named without a link elsewhere.

    Args:
        text: Markdown.
        name: the page that it is on, a path in the course such as "docs/glossary.md".
        address: where the course's repository is on the web; "" if nobody has said it.
    """

    def new_link(match):
        words, target = match[1], match[2]
        place = posixpath.normpath(PurePosixPath(name).parent / target.split("#")[0])
        if place in ALL_NOTEBOOKS or place in TEXTS:
            return match[0]
        if place in FOLDERS:
            up = "../" * (len(PurePosixPath(name).parts) - 1)
            return f"[{words}]({up}{FOLDERS[place]})"
        if not (COURSE_DIR / place).exists():
            raise BookError(f"{name} links to {target}, which does not exist.")
        return f"[{words}]({address}/blob/main/{place})" if address else words

    pieces = []
    end = 0
    for code in CODE.finditer(text):
        pieces += [LINK.sub(new_link, text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*pieces, LINK.sub(new_link, text[end:])])
