"""A page's styles, without those of the rest of JupyterLab, which nbconvert adds."""

import re

import tinycss2

STYLE = re.compile(r"(<style[^>]*>)(.*?)</style>", re.DOTALL)
CLASS = re.compile(r"\.([\w-]+)")
GIVEN = re.compile(r"""class=["']?([^"'>]*)""")  # to an element
NOT = re.compile(r":not\([^()]*\)")
PLAIN = {"skip_comments": True, "skip_whitespace": True}


def lightened(html, also=""):
    """Return a page without the rules that no element of it can have.

    A rule goes if each of its selectors names a class that is nowhere in the page, and
    a variable (--jp-…) if nobody reads it.

    Args:
        html: the page, with its styles in it.
        also: texts of what is loaded beside it: classes that a script gives, variables
            that another style sheet reads.

    Returns:
        str, HTML.
    """
    body = STYLE.sub("", html)
    names = {n for value in GIVEN.findall(body) for n in value.split()}
    names |= set(re.findall(r"[\w-]+", also))
    rules = {css: list(needed(sheet(css), names)) for _, css in STYLE.findall(html)}
    kept = "".join(map(tinycss2.serialize, rules.values()))
    read = set(re.findall(r"var\(\s*(--[\w-]+)", kept + also))

    def lighter(style):
        texts = [written(rule, read) for rule in rules[style[2]]]
        return "\n".join([style[1], *filter(None, texts), "</style>"])

    return STYLE.sub(lighter, html)


def sheet(css):
    return tinycss2.parse_stylesheet(css, **PLAIN)


def needed(rules, names):
    """Yield the rules that an element with some of the classes may have."""
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = NOT.sub("", tinycss2.serialize(rule.prelude)).split(",")
            if any(set(CLASS.findall(selector)) <= names for selector in selectors):
                yield rule
        elif rule.lower_at_keyword in ("media", "supports"):
            inside = tinycss2.parse_rule_list(rule.content, **PLAIN)
            rule.content = list(needed(inside, names))
            if rule.content:
                yield rule
        else:
            yield rule


def written(rule, read):
    """Return a rule as text, without the variables that nobody reads."""
    if rule.type != "qualified-rule":
        return rule.serialize()
    parts = [
        part.serialize()
        for part in tinycss2.parse_blocks_contents(rule.content, **PLAIN)
        if part.type != "declaration"
        or not part.name.startswith("--")
        or part.name in read
    ]
    selector = tinycss2.serialize(rule.prelude).strip()
    return f"{selector}{{{';'.join(parts)}}}" if parts else ""
