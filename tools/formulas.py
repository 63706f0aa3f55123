"""Formulas as MathML, which browsers draw without a script: slides, pages, book."""

from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from utils.wording import SaidError


class FormulaError(SaidError):
    """A formula has no translation; the message quotes it."""


class Renderer(IPythonRenderer):
    """nbconvert's Markdown with its formulas as MathML."""

    def inline_math(self, body):
        return mathml(body)

    def block_math(self, body):
        return mathml(body, display="block")

    def latex_environment(self, name, body):
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", display="block")


def mathml(latex, display="inline"):
    """Return a formula as MathML.

    Raises:
        FormulaError: the formula has a command that has no translation, or is none.
    """
    try:
        formula = convert(latex.strip(), display=display)
    except Exception as error:  # a brace that is open makes it raise a dozen kinds
        kind = type(error).__name__
        raise FormulaError(
            f"This formula is not whole ({kind}): {latex}. Correct it in its cell."
        ) from error
    if "\\" in formula:  # what it does not know, the converter leaves as it is
        raise FormulaError(f"This formula cannot be shown offline: {latex}")
    return formula


class WithMathML:
    """To mix into an exporter of nbconvert: its Markdown cells have MathML."""

    anchors = False  # whether a link can lead to a heading

    def markdown2html(self, context, source):
        renderer = Renderer(
            escape=False,
            exclude_anchor_links=not self.anchors,
            attachments=context.get("cell", {}).get("attachments", {}),  # pasted in
        )
        return MarkdownWithMath(renderer).render(source)

    markdown2html.jinja_pass_arg = HTMLExporter.markdown2html.jinja_pass_arg
