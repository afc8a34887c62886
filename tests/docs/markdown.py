"""Markdown pages taken apart: links, headings, fenced blocks, tables."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

from tests.conftest import ROOT

DOCS = ROOT / "docs"
PARSER = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the HTML comment right above it (empty without one)."""

    page: Path
    line: int
    language: str
    text: str
    mark: str


def pages():
    """Return every page of the project that a reader may see, in order."""
    front = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/scale.md")]
    return front + sorted(path for path in DOCS.rglob("*.md") if not path.relative_to(DOCS).parts[0].startswith("_"))


def name(page):
    """Return how a page is called in the tests' names."""
    return str(page.relative_to(ROOT))


@cache
def tokens(page):
    """Return the tokens of a page."""
    return PARSER.parse(page.read_text(encoding="utf-8"))


def inline(page):
    """Return the tokens within lines: text, code, links, images."""
    return [child for token in tokens(page) for child in token.children or ()]


def links(page):
    """Return the targets of links and images."""
    return [token.attrs.get("href") or token.attrs.get("src") for token in inline(page) if token.type in LINKS]


LINKS = ("link_open", "image")


def code_words(page):
    """Return what stands between backticks in a page's text."""
    return [token.content for token in inline(page) if token.type == "code_inline"]


def headings(page):
    """Return the texts of a page's headings as they are written."""
    found = tokens(page)
    return [found[i + 1].content for i, token in enumerate(found) if token.type == "heading_open"]


def anchors(page):
    """Return the anchors that headings give, as the renderers make them."""
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings(page)}


def blocks(page):
    """Return the fenced blocks of a page."""
    found, mark = [], ""
    for token in tokens(page):
        if token.type == "fence":
            language = token.info.split()[0] if token.info.strip() else ""
            found.append(Block(page, token.map[0] + 1, language, token.content, mark))
        mark = token.content.strip().removeprefix("<!--").removesuffix("-->").strip() if is_comment(token) else ""
    return found


def is_comment(token):
    """Say whether a token is an HTML comment of its own."""
    return token.type == "html_block" and token.content.startswith("<!--")


def all_blocks(*languages):
    """Return the fenced blocks of all pages that are in one of ``languages``."""
    return [block for page in pages() for block in blocks(page) if block.language in languages]


def sections(page):
    """Return (heading, tokens below it up to the next) for every heading of a page."""
    found, all_tokens = [], tokens(page)
    starts = [i for i, token in enumerate(all_tokens) if token.type == "heading_open"]
    for start, end in zip(starts, [*starts[1:], len(all_tokens)], strict=True):
        found.append((all_tokens[start + 1].content, all_tokens[start + 3 : end]))
    return found


def inline_of(some_tokens):
    """Return the lines of text among tokens."""
    return [token for token in some_tokens if token.type == "inline"]


def rows_of(some_tokens):
    """Return the cells of the body rows of the tables among tokens, each row a list of text."""
    rows, body = [], False
    for token in some_tokens:
        body = {"tbody_open": True, "tbody_close": False}.get(token.type, body)
        if token.type == "tr_open" and body:
            rows.append([])
        elif token.type == "inline" and body:
            rows[-1].append(token.content)
    return rows
