"""Every error of a fault that a person can mend says which object it is about and what to do."""

import ast

import pytest

from galspec_core import errors
from galspec_core.errors import CatalogError, ConfigError, GalspecError
from tests.test_layout import PACKAGE

WORDED = (
    "SearchError",
    "TrainingError",
    "ProvenanceError",
    "DamagedError",
    "NoRunError",
    "TooManyRejected",
    "GalspecError",
)


def raised(*kinds):
    """Yield (file, line, kind, names of the facts) of each error of some kinds that the package makes; ** stands for all."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node.func.id, {word.arg for word in node.keywords}


@pytest.mark.parametrize("kind", WORDED)
def test_what_to_do_is_said(kind):
    found = list(raised(kind))
    assert found or kind == "GalspecError"
    assert [place for place, _, facts in found if not facts & {"remedy", None}] == []


@pytest.mark.parametrize(("kind", "fact"), [("ConfigError", "item"), ("CatalogError", "item"), ("SearchError", "item")])
def test_the_object_is_named(kind, fact):
    """But where the sentence is about the whole configuration, or about arrays that a caller of the library gave."""
    nameless = {
        "config.py",
        "search/index_file.py",
        "search/forest.py",
        "search/knowledge_base.py",
        "search/embeddings.py",
    }
    assert [p for p, _, facts in raised(kind) if not facts & {fact, None} and p.split(":")[0] not in nameless] == []


def test_a_kind_of_error_may_have_a_usual_remedy():
    assert str(CatalogError("has no rows", item="a.csv")) == f"a.csv: has no rows. {CatalogError.usual}"
    assert str(CatalogError("has no rows", item="a.csv", remedy="Add some")) == "a.csv: has no rows. Add some"
    assert str(ConfigError("no such key", item="search.x")) == "search.x: no such key"


def test_every_error_has_one_root():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert all(issubclass(kind, GalspecError) for kind in kinds)
