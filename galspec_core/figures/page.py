"""A web page of our own: one file, whose scripts are named by their hash and whose data cannot leave its place.

Nothing is loaded from anywhere: the policy allows the page's own script and style alone (Content Security Policy, W3C). All
values go through JSON with every < escaped; the script shows them as text, never as markup.
"""

import base64
import hashlib
import html
import json
import re
from pathlib import Path

PAGES = Path(__file__).with_name("pages")  # a folder each: page.html, page.css, and scripts in the order of their names


def fill_page(name, title, data, **words):
    """Return the page of a folder of PAGES with a title, JSON ``data`` and other ``words`` of its template, as text."""
    folder = PAGES / name
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.js")))
    parts = {name: html.escape(word) for name, word in words.items()} | {
        "title": html.escape(title),
        "policy": policy(style, script),
        "style": style,
        "script": script,
        "data": as_json(data),
    }
    template = (folder / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)  # in one pass: no part is filled again


def policy(style, script):
    """Return the policy that lets a page use this style and script, and nothing else."""
    rules = {"default-src": "'none'", "script-src": _hash(script), "style-src": _hash(style), "img-src": "data:"}
    rules |= {"base-uri": "'none'", "form-action": "'none'"}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def as_json(data):
    """Return data as JSON that holds no markup, whatever its texts are; NaN is refused."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
