"""Nothing from outside is run: no file is unpickled, no text becomes code, no web page shows what it was not meant to."""

import ast
from pathlib import Path

import docutils.core
import pyarrow as pa
import pytest

ROOT = Path(__file__).parents[1]
PYTHON = [path for name in ("galspec_core", "workflow_scripts") for path in sorted((ROOT / name).rglob("*.py"))]
RULES = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
PAGES = sorted((ROOT / "galspec_core/figures/pages").glob("*/*"))
CAPTIONS = sorted((ROOT / "report").glob("*.rst"))
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle", "ctypes"}
CALLS = {  # by their last name: each can run what it reads
    "eval", "exec", "compile", "__import__", "popen", "read_pickle", "read_hdf", "unsafe_load", "full_load",
    "load_module", "extractall", "unpack_archive", "urlopen", "Markup",
}  # fmt: skip
HARMLESS = {"re.compile", "model.compile"}  # a pattern; a network, by torch
ONLY_WITH = {  # calls that are safe in one way alone: keyword, its value, and what it is where nobody says
    "torch.load": ("weights_only", True, None),
    "np.load": ("allow_pickle", False, False),
    "numpy.load": ("allow_pickle", False, False),
}
NEVER_WITH = {"shell": True, "verify": False, "trust_remote_code": True, "allow_pickle": True, "weights_only": False}
FORBIDDEN = {
    "joblib.load",
    "yaml.load",
    "yaml.load_all",
    "torch.hub.load",
    "torch.jit.load",
    "faiss.read_index",
    "os.system",
}
ALLOWED = {
    ("search/knowledge_base.py", "faiss.read_index"),  # behind check_index_file
    ("config.py", "yaml.load"),  # with a SafeLoader of its own
}


def dotted(node):
    """Return the dotted name of a called thing, "?" for a part that is no name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def dangers(text):
    """Yield what a Python text does that could run what it reads."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            if (node.module or "").split(".")[0] in MODULES or names & (FORBIDDEN | set(ONLY_WITH)):
                yield f"from {node.module}"
        elif isinstance(node, ast.Call):
            yield from _dangers_of_call(node)


def _dangers_of_call(node):
    name = dotted(node.func)
    last, method = name.rpartition(".")[2], "." in name
    given = {word.arg: getattr(word.value, "value", word.value) for word in node.keywords}
    if name in FORBIDDEN or (last in CALLS and name not in HARMLESS and not (method and last == "eval")):
        yield name
    if name in ONLY_WITH:
        key, needed, otherwise = ONLY_WITH[name]
        if given.get(key, otherwise) is not needed:
            yield name
    yield from (f"{name}({key}={value})" for key, value in NEVER_WITH.items() if given.get(key, ...) is value)


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib; joblib.load('x')",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=wanted)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=wanted)",
        "pd.read_pickle(path)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.unsafe_load(text)",
        "faiss.read_index(path)",
        "eval(text)",
        "exec(text)",
        "os.system(text)",
        "subprocess.run(text, shell=True)",
        "requests.get(url, verify=False)",
        "urllib.request.urlopen(url)",
        "tar.extractall(path)",
    ],
)
def test_the_search_finds(text):
    assert list(dangers(text))


@pytest.mark.parametrize(
    "text",
    [
        "torch.load(path, weights_only=True)",
        "np.load(path)",
        "np.load(path, allow_pickle=False)",
        "platform.system()",
        "yaml.safe_load(text)",
        "json.loads(text)",
        "model.eval()",
        "re.compile(pattern)",
        "from joblib import Parallel",
        "subprocess.run(words)",
    ],
)
def test_the_search_passes_over(text):
    assert list(dangers(text)) == []


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_is_read_is_run(path):
    name = path.relative_to(ROOT / path.relative_to(ROOT).parts[0]).as_posix()
    assert [danger for danger in dangers(path.read_text()) if (name, danger) not in ALLOWED] == []


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_run_scripts_and_no_shell(path):
    words = [line.strip().partition("(")[0] for line in path.read_text().splitlines()]
    assert not {"shell:", "run:"} & set(words)
    assert not [word for word in ("pickle", "eval(", "exec(", "os.system", "subprocess") if word in path.read_text()]


def test_arrow_knows_no_type_that_is_unpickled():
    """Until version 20 of Arrow, a Parquet file could name a Python type to unpickle."""
    assert not hasattr(pa, "PyExtensionType")


SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_a_caption_holds_no_html_and_shows_no_result(path):
    text = path.read_text()
    assert not [
        word for word in (".. raw::", ".. include::", ".. csv-table::", "<script", ":file:", ":url:") if word in text
    ]
    assert "snakemake.output" not in text
    assert "snakemake.input" not in text


def test_markup_in_what_a_caption_says_is_shown_as_text():
    body = docutils.core.publish_parts(f"Loss of the encoder {SCRIPT}.", writer="html")["body"]
    assert "<script" not in body
    assert "&lt;script&gt;" in body


def test_no_web_page_is_written_by_hand():
    """Reports are Snakemake's; pages of our own are made by figures/page.py (with scripts) and figures/markup.py (without), which
    escape all that they are given: whoever adds a page must make it so, too."""
    markup = ("<table", "<div", "<body", "to_html")
    assert [path.name for path in PYTHON if any(word in path.read_text().lower() for word in markup)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_our_page_runs_no_text_and_asks_no_server(path):
    """Values become text, never markup or code; two links that a person may follow are all that points elsewhere."""
    words = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc")
    words += (
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "sendBeacon",
        "importScripts",
        "import(",
        " src=",
        " style=",
        " onclick=",
    )
    assert [word for word in words if word in path.read_text()] == []
