"""Every link leads somewhere, every page is reachable, every picture is used and there."""

import fnmatch
from pathlib import Path

import pytest
import yaml

import galspec_core
from tests.conftest import ROOT
from tests.docs.markdown import DOCS, anchors, blocks, links, name, pages


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_within_the_project_lead_somewhere(page):
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" not in link and (not target.exists() or (anchor and anchor not in anchors(target))):
            broken.append(link)
    assert broken == []


def test_included_pages_exist():
    included = [(page, b.text) for page in pages() for b in blocks(page) if b.language == "{include}"]
    opening = [(page, _info(page)) for page, _ in included]
    assert all((page.parent / path).is_file() for page, path in opening)
    assert len(opening) == 3


def _info(page):
    """Return the path behind ``{include}`` of a page that is nothing else."""
    return page.read_text().splitlines()[0].split("} ")[1]


def listed(page):
    """Return the pages that the tables of contents of a page name, patterns resolved."""
    found = set()
    for block in blocks(page):
        if block.language == "{toctree}":
            lines = [line for line in block.text.splitlines() if line and not line.startswith(":")]
            for line in lines:
                line = line.rpartition("<")[2].rstrip(">")
                here = {p for p in DOCS.rglob("*.md") if fnmatch.fnmatch(str(p), f"{page.parent / line}.md")}
                assert here or "*" in line, f"{name(page)} lists {line}"
                found |= here
    return found


def test_every_page_is_reached_from_the_first():
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            waiting.extend(listed(page))
    assert reached == {page for page in pages() if DOCS in page.parents}


def test_every_picture_is_shown_somewhere():
    shown = {(page.parent / link).resolve() for page in pages() for link in links(page) if "://" not in link}
    assert set((DOCS / "images").iterdir()) <= shown


def test_the_readme_is_short_and_shows_a_picture():
    readme = ROOT / "README.md"
    assert len(readme.read_text().splitlines()) < 150
    assert any(Path(link).suffix == ".png" for link in links(readme))


def test_the_citation_says_the_version_and_licence_of_the_code():
    """The keys that the Citation File Format 1.2.0 requires, and no author without a name."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert (citation["cff-version"], citation["type"]) == ("1.2.0", "software")
    assert str(citation["version"]) == galspec_core.__version__
    assert citation["license"] == "BSD-3-Clause"
    people = [*citation["authors"], *citation["references"][0]["authors"]]
    assert all("name" in person or {"family-names", "given-names"} <= set(person) for person in people)
