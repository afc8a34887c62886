"""HTML and SVG as nested calls: whatever text is put in is escaped, because only ``tag`` makes markup."""

from html import escape

VOID = {"meta", "input", "path", "line", "circle", "rect", "polyline", "br", "use"}


class Element(str):
    """Text that ``tag`` has made: it may stand in a page as it is."""


def tag(kind, *children, **attributes):
    """Return an element; children are text, which is escaped, or Element; ``class_`` and ``data_x`` become class and data-x."""
    words = [kind, *(f'{_key(key)}="{escape(str(value))}"' for key, value in attributes.items() if value is not None)]
    if kind in VOID and not children:
        return Element(f"<{' '.join(words)}/>")
    return Element(f"<{' '.join(words)}>{''.join(map(as_markup, children))}</{kind}>")


def as_markup(child):
    """Return a child as markup: text is escaped."""
    return child if isinstance(child, Element) else Element(escape(str(child)))


def style(rules):
    """Return a style sheet; ``rules`` are our own and never hold what came from outside."""
    return Element(f"<style>{rules}</style>")


def page(title, rules, *children):
    """Return a whole page that runs nothing and asks the network for nothing."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", **{"http-equiv": "Content-Security-Policy", "content": policy}),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        style(rules),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', *children), lang='en')}\n"


def _key(key):
    return key.rstrip("_").replace("_", "-")
