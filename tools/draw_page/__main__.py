"""Write the page to draw in: python -m tools.draw_page [FOLDER]."""

import argparse

from tools.draw_page import write_page
from utils.places import COURSE_DIR


def main():
    """Write it, and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m tools.draw_page")
    parser.add_argument("folder", nargs="?", default=COURSE_DIR / "build/draw")
    print(f"Open {write_page(parser.parse_args().folder)} in a browser.")


main()
