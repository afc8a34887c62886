"""The house rules: imports go one way, a rule is its script, profiles and pins agree."""

import ast
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "galspec_core"
MAY_IMPORT = {  # a stage and the stages before it; errors, log, files and sas are open to all
    "mock": {"catalogs"},
    "catalogs": set(),
    "spectra": set(),
    "encoder": {"catalogs", "spectra"},
    "search": {"catalogs", "spectra", "encoder"},
    "baselines": {"catalogs", "spectra", "encoder", "search"},
    "figures": {"catalogs", "spectra", "encoder", "search", "baselines"},
}
ONLY_IN = {"faiss": "search/knowledge_base.py", "requests": "sas.py"}
SITE = ROOT / "profiles/site/config.yaml"
SCRIPTS = sorted((ROOT / "workflow_scripts").glob("*.py"))
RULES = sorted((ROOT / "rules").glob("*.smk"))


def imports(path):
    """Return the dotted names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def rules():
    """Return {rule name: its text} of every rule file."""
    found = {}
    for path in RULES:
        parts = re.split(r"^ *rule (\w+):$", path.read_text(), flags=re.M)
        found |= dict(zip(parts[1::2], parts[2::2], strict=True))
    return found


@pytest.mark.parametrize("stage", MAY_IMPORT)
def test_imports_go_one_way(stage):
    for path in (PACKAGE / stage).glob("*.py"):
        used = {name.split(".")[1] for name in imports(path) if name.startswith("galspec_core.")} & set(MAY_IMPORT)
        assert used <= MAY_IMPORT[stage] | {stage}, path


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_with_one_home_is_imported_there_only(library):
    users = {
        str(p.relative_to(PACKAGE))
        for p in PACKAGE.rglob("*.py")
        if any(n.split(".")[0] == library for n in imports(p))
    }
    assert users == {ONLY_IN[library]}


def test_torch_is_imported_by_the_encoder_alone_until_it_is_needed():
    top = {
        p
        for p in PACKAGE.rglob("*.py")
        for node in ast.parse(p.read_text()).body
        if isinstance(node, ast.Import) and node.names[0].name == "torch"
    }
    assert {p.parent.name for p in top} <= {"encoder", "baselines"}


def test_a_rule_is_its_script():
    assert set(rules()) == {path.stem for path in SCRIPTS}
    for name, text in rules().items():
        assert f'"../workflow_scripts/{name}.py"' in text, name


@pytest.mark.parametrize("directive", ["log:", "benchmark:", "threads:", "mem_mb=", "runtime=", "conda:", '"""'])
def test_every_rule_says(directive):
    assert [name for name, text in rules().items() if directive not in text] == []


def test_only_training_and_embedding_ask_for_a_gpu():
    assert {name for name, text in rules().items() if "gpu=" in text} == {
        "pretrain_encoder",
        "embed_shard",
        "train_system",
        "train_supervised",
        "embed_system",
        "vote_system",
        "stress_methods",
        "measure_consistency",
    }


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_short_and_hold_no_functions(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 40
    assert not [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.If)]
    assert "snakemake.config" not in text


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_is_one_job_that_leaves_records(path):
    """All but imports and constants stands in one ``with job(snakemake)``."""
    body = ast.parse(path.read_text()).body
    statements = [n for n in body[1:] if not isinstance(n, ast.Import | ast.ImportFrom | ast.Assign)]
    assert [ast.unparse(n.items[0].context_expr.func) for n in statements] == ["job"]


def test_the_snakefile_is_a_table_of_contents():
    text = (ROOT / "Snakefile").read_text()
    assert len(text.splitlines()) < 40
    assert "def " not in text


def test_make_hands_on_the_folder_of_spectra_and_the_target():
    """The options of Snakemake that take several values swallow a target that stands behind them."""
    from snakemake.cli import get_argument_parser

    words = ["make", "--dry-run", "paper", "NAME=real", "SAS=/sas", "OUTLIERS=/outliers.csv"]
    plan = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    commands = [line for line in plan.splitlines() if "/snakemake " in line]
    assert len(commands) == 2
    for command in commands:
        found = get_argument_parser().parse_args(shlex.split(command)[1:])
        assert set(found.targets) == {"results/paper.done"}
        assert found.config == ["sas=/sas", "outliers=/outliers.csv"]
        assert found.configfile == [Path("config.yaml"), Path("config/real.yaml")]


@pytest.mark.parametrize("key", ["rerun-triggers", "scheduler", "rerun-incomplete", "notemp"])
def test_profiles_agree(key):
    places = sorted(set((ROOT / "profiles").glob("*/config.yaml")) - {SITE})
    profiles = [yaml.safe_load(path.read_text()) for path in places]
    assert len(profiles) == 3
    assert all(profile[key] == profiles[0][key] for profile in profiles)


def test_the_site_file_names_every_rule_that_uses_a_gpu():
    lines = yaml.safe_load(SITE.read_text())["set-resources"]
    assert all(line.endswith(":slurm_partition=gpu") for line in lines)
    assert {line.split(":")[0] for line in lines} == {name for name, text in rules().items() if "gpu=" in text}


def test_every_rule_asks_for_more_memory_and_time_when_it_is_tried_again():
    grows = re.compile(r"more\(|lambda wildcards, attempt:")
    for resource in ("mem_mb", "runtime"):
        asked = {name: re.search(rf"{resource}=(.*)", text)[1] for name, text in rules().items()}
        assert [name for name, text in asked.items() if not grows.match(text)] == []


def test_what_runs_where_snakemake_does_takes_minutes_and_little_memory():
    common = (ROOT / "rules/common.smk").read_text()
    local = set(re.findall(r"^    (\w+),$", common[common.index("localrules:") :].split("\n\n")[0], re.M))
    assert len(local) == 10
    assert all("runtime=more(10)" in rules()[name] for name in local)


def test_no_rule_has_temporary_files_since_the_profiles_keep_all():
    assert [path.name for path in RULES if re.search(r"\btemp\(", path.read_text())] == []


def test_the_conda_environment_has_the_pins_of_pyproject():
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", pin) for pin in pins)
    more = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert yaml.safe_load((ROOT / "envs/galspec.yaml").read_text())["dependencies"][-1]["pip"] == pins
    for extra in ("systems", "map"):
        found = yaml.safe_load((ROOT / f"envs/{extra}.yaml").read_text())["dependencies"][-1]["pip"]
        assert found == pins + more[extra]


def test_constraints_do_not_repeat_the_direct_pins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    direct = {
        pin.split("==")[0].lower()
        for group in [project["dependencies"], *project["optional-dependencies"].values()]
        for pin in group
    }
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    assert direct.isdisjoint(line.split("==")[0].lower() for line in lines)


def test_no_file_is_longer_than_300_lines():
    assert [p.name for p in PACKAGE.rglob("*.py") if len(p.read_text().splitlines()) > 300] == []
