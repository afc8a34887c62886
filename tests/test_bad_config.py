"""Settings that cannot be: each is named where it stands, before any job starts."""

import copy
from pathlib import Path

import pytest

from galspec_core.config import check_config, load_config
from galspec_core.errors import ConfigError
from galspec_core.spectra.spectrum import MASK_BITS

ROOT = Path(__file__).parents[1]
CONFIG = load_config([ROOT / "config.yaml"])
PAPER, TREES = "encoders.paper", "baselines.systems.rf_rest"
SUPERVISED, GALAXY = "baselines.systems.supervised", {"label": "SF", "bptclass": [1], "portsmouth": ["Star Forming"]}
BAD = [  # where, value, words of the message besides where it stands
    # types
    ("search.top_k", "3", ["not of type 'integer'"]),
    ("search.top_k", 3.0, ["not of type 'integer'"]),
    ("search.top_k", True, ["not of type 'integer'"]),
    ("search.top_k", None, ["not of type 'integer'"]),
    ("search", [], ["not of type 'object'"]),
    ("search.methods", "paper", ["not of type 'array'"]),
    ("search.methods", [], ["should be non-empty"]),
    ("search.methods", ["pca", "pca"], ["non-unique"]),
    (f"{PAPER}.training.lr", "1e-5", ["not of type 'number'"]),  # what YAML makes of 1e-5 without a dot
    (f"{PAPER}.training.lr", float("nan"), ["nan is not a finite number"]),
    (f"{PAPER}.training.lr", float("inf"), ["inf is not a finite number"]),
    ("catalogs.sample.test_side", float("nan"), ["nan is not a finite number"]),
    ("catalogs.strong_liner", "yes", ["not of type 'boolean'"]),
    ("sas", "", ["''"]),
    ("catalogs.files.specobj", None, ["not of type 'string'"]),
    ("spectra.grids.1", {}, ["the key 1 is no text"]),
    # ranges and shares
    ("search.top_k", 0, ["minimum of 1"]),
    ("search.folds", 1, ["minimum of 2"]),
    ("search.unknown", 1.0, ["maximum of 1"]),
    ("search.epsilon", 0, ["minimum of 0"]),
    ("spectra.max_rejected", 1.2, ["maximum of 1"]),
    ("spectra.min_good_share", -0.1, ["minimum of 0"]),
    ("spectra.n_shards", 0, ["minimum of 1"]),
    ("spectra.fetch.threads", 1000, ["maximum of 64"]),
    ("spectra.fetch.read_timeout", 0, ["minimum of 0"]),
    ("spectra.fetch.backoff", 100.0, ["above max_backoff, 60.0"]),
    ("catalogs.sample.test_side", 1, ["maximum of 1"]),
    ("catalogs.sample.validation", 2, ["maximum of 1"]),
    ("catalogs.sample.seeds", [], ["should be non-empty"]),
    ("catalogs.sample.seeds", [1, 1], ["non-unique"]),
    ("catalogs.sample.link_arcsec", -1, ["minimum of 0"]),
    ("catalogs.sample.knowledge_base", 1.5, ["neither a share up to 1.0 nor a whole number"]),
    ("catalogs.sample.test.Lens", 0.5e3 + 0.5, ["500.5", "neither a share"]),
    ("catalogs.sample.test.Lens", -1, ["-1"]),
    (
        "catalogs.sample.n_pretrain",
        {"share": 0.5},
        ["n_pretrain: {'share': 0.5} is not of type 'number', or 'all' was expected"],
    ),
    ("catalogs.sample.knowledge_base", "al", ["knowledge_base: 'al' is not of type 'number', or 'all' was expected"]),
    (
        "search.sweeps.base_size",
        [{"most": 5}],
        ["base_size.0: {'most': 5} is not of type 'integer', or 'all' was expected"],
    ),
    ("encoders.pca", ["pca"], ["encoders.pca", "not of type 'object'"]),
    ("catalogs.select.z", [0.69, 0.0], ["0.69 to 0.0 do not rise"]),
    ("catalogs.select.snr", [5.0], ["too short"]),
    ("catalogs.select.class", [], ["lets no spectrum pass"]),
    ("spectra.norm_window", [5850.0, 5300.0], ["5850.0 to 5300.0 do not rise"]),
    ("spectra.norm_window", [0, 5300.0], ["minimum of 0"]),
    ("search.redshift_check.z", [0.75, -0.001], ["do not rise"]),
    ("search.redshift_check.z", [-0.5, 0.75], ["minimum of -0.1"]),
    ("search.parameters.columns.vdisp.low", 500, ["500 to 420 do not rise"]),
    ("figures.completeness.edges", [5, 10, 7], ["10 to 7 do not rise"]),
    ("search.sweeps.target_share", [0.5, 1.0], ["maximum of 1"]),
    # sizes that do not fit each other
    ("spectra.grids.observed.wave", [9000.0, 3850.0], ["the grid is empty"]),
    ("spectra.grids.observed.pixels", 1, ["minimum of 2"]),
    ("spectra.grids.rest.pixels", 3000, ["steps of 1e-4 dex", "3011"]),
    (f"{PAPER}.overlap", 15, ["no patch fits", "overlap 15"]),
    (f"{PAPER}.overlap", 20, ["no patch fits", "overlap 20"]),
    (f"{PAPER}.overlap", -1, ["minimum of 0"]),
    (f"{PAPER}.patch", 4000, ["no patch fits", "3688 pixels"]),
    (f"{PAPER}.heads", 7, ["768 is no multiple of heads, 7"]),
    (f"{PAPER}.layers", 0, ["minimum of 1"]),
    (f"{PAPER}.mask_share", 1.0, ["maximum of 1"]),
    (f"{PAPER}.training.warmup", 600000, ["more than all 500000"]),
    (f"{PAPER}.training.betas", [0.9, 1.0], ["[0.9, 1.0]"]),
    (f"{PAPER}.training.batch", 0, ["minimum of 1"]),
    (f"{SUPERVISED}.patch", 10, ["no patch fits", "overlap 10"]),
    ("encoders.pca.components", 5000, ["5000 are more than the grid's 3011 pixels"]),
    ("encoders.galspec.fit_spectra", 10, ["10 are too few for 10 components"]),
    ("baselines.systems.svm.components", 5000, ["more than the grid's 3011"]),
    # names that point nowhere
    ("encoders.pca.grid", "resting", ["no grid resting", "rest, wide"]),
    ("encoders.pca.kind", "pka", ["encoders.pca.kind: no kind pka; there is pca, factors, transformer"]),
    (f"{PAPER}.pooling", "middle", ["pooling", "middle"]),
    ("search.methods", ["papper"], ["no encoder papper"]),
    ("search.compared", "svm", ["no encoder svm"]),
    ("search.weight", "gauss", ["'gauss' is not one of"]),
    ("search.weight", "linear", ["tasks.lens", "set search.normalise to softmax"]),
    ("search.learnt.methods", ["galspeck"], ["no encoder galspeck"]),
    ("search.outliers.methods", ["galspeck"], ["no encoder galspeck"]),
    ("search.few_examples.classes", ["Lense"], ["no label Lense"]),
    ("search.finders.encoder", "pca", ["of kind pca", "only kind factors"]),
    ("search.redshift_check.encoder", "none", ["no encoder none"]),
    ("search.candidates.method", "galspeck", ["no encoder galspeck"]),
    ("search.candidates.seed", 7, ["no seed 7"]),
    ("search.candidates.behind", ["lenses"], ["no task lenses"]),
    ("search.candidates.base_rate.lenses", 0.1, ["no task lenses"]),
    ("search.candidates.base_rate.lens", 1.5, ["search.candidates.base_rate.lens"]),
    ("search.wrong_redshifts.lines", [["Hα", "Hα"]], ["cannot be taken for itself"]),
    ("search.parameters.columns.vdisp.from", ["specobjj"], ["no catalogue specobjj"]),
    ("catalogs.lens_target", ["likelly"], ["no grade word likelly"]),
    ("catalogs.labels", [GALAXY | {"bptclass": [7]}], ["no BPTCLASS 7"]),
    ("catalogs.labels", [GALAXY | {"portsmouth": ["Starforming"]}], ["no Portsmouth class Starforming"]),
    ("catalogs.labels", [GALAXY, GALAXY], ["(1, 'Star Forming') stands twice"]),
    ("catalogs.sample.test.Lense", 500, ["no label Lense"]),
    ("catalogs.select.zwarn", 0, ["did you mean zwarning?"]),
    ("spectra.bad_mask_bits", ["BRIGHTSKI"], ["no and_mask bit BRIGHTSKI"]),
    ("tasks.liner.source", "bptt", ["'bptt' cannot stand here", "tables/NAME"]),
    ("tasks.liner.target", "LINERS", ["no label in catalogs.labels LINERS"]),
    ("tasks.lens.negatives", {"from": "elsewhere"}, ["'elsewhere' is not one of"]),
    ("tasks.lens.negatives", {"from": "labels", "match": ["colour"]}, ["'colour' is not one of"]),
    ("tasks.Lens", {"target": "Lens", "source": "silo"}, ["Lens"]),
    ("tasks", {"liner": None}, ["there is none"]),
    ("baselines.stress.methods", ["papper"], ["no encoder papper"]),
    ("baselines.stress.networks", ["galaxynet"], ["no system galaxynet"]),
    (f"{TREES}.kind", "tree", ["'tree' is not one of"]),
    ("figures.encoder", "papper", ["no encoder papper"]),
    ("figures.case.method", "svm", ["no encoder svm"]),
    ("figures.fig4_task", "lenses", ["no task lenses"]),
    ("figures.outlier_task", "odd", ["no task odd"]),
    ("figures.neighbours.task", "class", ["no task class", "bpt3"]),
    ("figures.completeness.methods", ["oracel"], ["no method oracel"]),
    ("figures.case.spectrum", "881-52368", ["881-52368 is neither auto"]),
]


def changed(where, value):
    """Return config.yaml with one value changed; a key of digits is a number."""
    config, path = copy.deepcopy(CONFIG), [int(key) if key.isdigit() else key for key in where.split(".")]
    section = config
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    return config


@pytest.mark.parametrize(("where", "value", "words"), BAD, ids=[f"{where} {value}" for where, value, _ in BAD])
def test_an_impossible_value_is_named_where_it_stands(where, value, words):
    with pytest.raises(ConfigError) as caught:
        check_config(changed(where, value))
    assert [word for word in [where.split(".")[0], *words] if word not in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize("where", ["search.top_k", "search.sweeps.top_k", "search.outliers.k", "search.parameters.k"])
def test_more_neighbours_than_entries_are_refused(where):
    config = changed("catalogs.sample.knowledge_base", 8)
    section, key = config["search"], where.split(".")[1:]
    while len(key) > 1:
        section = section[key.pop(0)]
    section[key[0]] = [1, 9] if where == "search.sweeps.top_k" else 9
    with pytest.raises(
        ConfigError, match=rf"{where}: \d+ neighbours are more than catalogs\.sample\.knowledge_base, 8"
    ):
        check_config(config)


def test_every_problem_is_listed_at_once():
    config = changed("search.compared", "svm")
    config["spectra"]["norm_window"] = [2, 1]
    config["figures"]["encoder"] = "papper"
    with pytest.raises(ConfigError) as caught:
        check_config(config)
    assert str(caught.value).count("\n  ") == 3


@pytest.mark.parametrize(("where", "value"), [
    ("catalogs.select.z", [0.1, 0.1]), ("catalogs.select.snr", [None, None]), ("catalogs.sample.n_pretrain", 0.5),
    ("catalogs.sample.knowledge_base", 100.0), ("outliers", None), ("tasks.lens", None), ("search.truth", "truth.csv"),
    ("spectra.bad_mask_bits", list(MASK_BITS)), ("figures.case.spectrum", 2**63 + 1),
    ("figures.case.spectrum", "881-52368-36"), ("search.parameters.columns.vdisp.from", ["specobj", "own/table.csv"]),
    ("tasks.mine", {"target": "Mine", "source": "tables/mine", "file": "mine.csv"}),
    ("tasks.mine", {"target": "Mine", "source": "tables/mine", "file": "mine.csv", "only": {"label": ["keep"]}}),
    ("search.candidates.base_rate.lens", None),
])  # fmt: skip
def test_what_only_looks_odd_is_allowed(where, value):
    check_config(changed(where, value))


BAD_YAML = [  # bytes, words of the message
    (b"search: {top_k: 3\n", ["cannot be read as YAML"]),
    (b"search:\n\ttop_k: 3\n", ["cannot be read as YAML"]),
    (b"search: \xff\xfe\n", ["cannot be read as YAML"]),
    (b"a: \0\n", ["cannot be read as YAML"]),
    (b"a: !!python/object/apply:os.getcwd []\n", ["cannot be read as YAML"]),
    (b"- search\n- top_k\n", ["no table of keys", "list"]),
    (b"just words\n", ["no table of keys", "str"]),
    (b"search: {top_k: 3}\nsas: x\nsearch: {top_k: 5}\n", ["the key search stands twice"]),
    (b"? [1, 2]\n: 3\n", ["cannot be read as YAML"]),
]


@pytest.mark.parametrize(("content", "words"), BAD_YAML, ids=[row[1][-1] + str(i) for i, row in enumerate(BAD_YAML)])
def test_a_file_that_is_no_configuration_is_named(tmp_path, content, words):
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config([tmp_path / "mine.yaml"])
    assert [word for word in ["mine.yaml", *words] if word not in str(caught.value)] == [], str(caught.value)


def test_a_configuration_that_is_missing_or_empty():
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        load_config(["nowhere.yaml"])
    with pytest.raises(ConfigError, match="'sas' is a required property"):
        check_config({})
    with pytest.raises(ConfigError, match="no table of keys; got list"):
        check_config([])
