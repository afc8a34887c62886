"""Settings that no schema can judge: values that contradict each other, and names that point nowhere.

Each check yields problems as text, ``where.it.stands: what is wrong``; it is asked only of a configuration whose keys and
types are right.
"""

import math
import re
from itertools import pairwise
from pathlib import PurePath

from galspec_core.catalogs.agreement import BPTCLASSES, PORTSMOUTH_CLASSES
from galspec_core.catalogs.labels import TARGETS
from galspec_core.catalogs.roles import ALL_CLASSES, THREE_CLASSES
from galspec_core.catalogs.tasks import SOURCES
from galspec_core.errors import ConfigError
from galspec_core.spectra.prepare import grid_from_config
from galspec_core.spectra.spectrum import MASK_BITS

WITH_METHOD = ("neighbours", "case", "failures", "distances", "evidence")  # entries of figures that name an encoder
FINDERS = ("classical", "oracle")  # lens finders of figures.completeness beside encoders and systems
MANIFEST_COLUMNS = ("manifest", "labels")  # places of search.parameters that are no file of the user
LINE_CLASSES = (
    "SF",
    "Composite",
    "Seyfert",
    "LINER",
    "Normal",
)  # config.yaml's: no overlay can take their amounts away
CASE = re.compile(r"auto|\d+(-\d+-\d+)?")  # auto, specobjid, or plate-mjd-fiber


def impossible(config):
    """Return every problem of a configuration that fits the schema, as text."""
    return [problem for check in CHECKS for problem in check(config)]


def not_plain(section, path=()):
    """Yield a problem for every key that is no text, and every number that is NaN or infinite: limits miss a NaN."""
    if isinstance(section, dict | list):
        for key, value in section.items() if isinstance(section, dict) else enumerate(section):
            if isinstance(section, dict) and not isinstance(key, str):
                yield f"{'.'.join(path) or 'top level'}: the key {key!r} is no text; write it in quotes"
            yield from not_plain(value, (*path, str(key)))
    elif isinstance(section, float) and not math.isfinite(section):
        yield f"{'.'.join(path)}: {section} is not a finite number"


def _names(where, given, known, what):
    """Yield a problem for each of ``given`` that is not among ``known``."""
    for name in given:
        if name not in known:
            yield f"{where}: no {what} {name}; there is {', '.join(map(str, known)) or 'none'}"


def _rising(where, pair, equal=False):
    """Yield a problem unless the two limits rise; None is no limit."""
    low, high = pair
    if None not in (low, high) and not (low < high or (equal and low == high)):
        yield f"{where}: the limits {low} to {high} do not rise"


def check_catalogs(config):
    """Yield problems of ``catalogs``: grades, line classes, cuts, amounts."""
    section = config["catalogs"]
    yield from _names("catalogs.lens_target", section["lens_target"], section["lens_grades"], "grade word")
    for i, entry in enumerate(section["labels"]):
        yield from _names(f"catalogs.labels.{i}.bptclass", entry["bptclass"], BPTCLASSES, "BPTCLASS")
        yield from _names(
            f"catalogs.labels.{i}.portsmouth", entry["portsmouth"], PORTSMOUTH_CLASSES, "Portsmouth class"
        )
    pairs = [(b, p) for entry in section["labels"] for b in entry["bptclass"] for p in entry["portsmouth"]]
    for pair in sorted({pair for pair in pairs if pairs.count(pair) > 1}):
        yield f"catalogs.labels: the pair {pair} stands twice"
    for key in ("z", "snr"):
        yield from _rising(f"catalogs.select.{key}", section["select"].get(key) or (None, None), equal=True)
    for key in ("class", "platequality"):
        if section["select"].get(key) == []:
            yield f"catalogs.select.{key}: an empty list lets no spectrum pass"
    yield from _check_amounts(section["sample"], _labels(config))


def _labels(config):
    """Return every label that a spectrum can have: line classes, and what tasks and catalogues of targets give."""
    classes = [entry["label"] for entry in config["catalogs"]["labels"]]
    return list(
        dict.fromkeys(
            [*LINE_CLASSES, *classes, *TARGETS.values(), *(t["target"] for t in config["tasks"].values() if t)]
        )
    )


def _check_amounts(sample, labels):
    """Yield problems of ``catalogs.sample``: a number of spectra is whole, a share is below 1."""
    amounts = {key: sample[key] for key in ("n_pretrain", "knowledge_base")}
    for key in ("labelled", "test"):
        yield from _names(f"catalogs.sample.{key}", sample[key], labels, "label")
        amounts |= {f"{key}.{name}": value for name, value in sample[key].items()}
    for key, value in amounts.items():
        if isinstance(value, float) and value > 1 and not value.is_integer():
            yield f"catalogs.sample.{key}: {value} is neither a share up to 1.0 nor a whole number"


def check_spectra(config):
    """Yield problems of ``spectra``: mask bits, windows, waits, grids."""
    section = config["spectra"]
    yield from _names("spectra.bad_mask_bits", section["bad_mask_bits"], MASK_BITS, "and_mask bit")
    yield from _rising("spectra.norm_window", section["norm_window"])
    fetch = section["fetch"]
    if fetch.get("backoff", 0) > fetch.get("max_backoff", math.inf):
        yield f"spectra.fetch.backoff: {fetch['backoff']} is above max_backoff, {fetch['max_backoff']}"
    for name, entry in section["grids"].items():
        try:
            grid_from_config(name, entry)
        except ConfigError as error:
            yield f"spectra.grids.{name}: {error}"


def check_encoders(config):
    """Yield problems of ``encoders`` and of systems that are built like one: grid, patches, heads, training."""
    for name, entry in config["encoders"].items():
        yield from _names(f"encoders.{name}.grid", [entry["grid"]], config["spectra"]["grids"], "grid")
        yield from _check_network(f"encoders.{name}", entry, config)
    for name, entry in config["baselines"]["systems"].items():
        like = config["encoders"].get(entry.get("like"), {})
        yield from _check_network(f"baselines.systems.{name}", {**like, **entry}, config)


def _check_network(where, entry, config):
    pixels = config["spectra"]["grids"].get(entry.get("grid"), {}).get("pixels", math.inf)
    if "patch" in entry and not entry.get("overlap", 0) < entry["patch"] <= pixels:
        got = f"patch {entry['patch']}, overlap {entry.get('overlap', 0)}, {pixels} pixels"
        yield f"{where}: no patch fits; overlap < patch <= pixels of the grid, got {got}"
    if "heads" in entry and entry["width"] % entry["heads"]:
        yield f"{where}.width: {entry['width']} is no multiple of heads, {entry['heads']}"
    if entry.get("components", 0) > pixels:
        yield f"{where}.components: {entry['components']} are more than the grid's {pixels} pixels"
    if entry.get("components", 0) >= entry.get("fit_spectra", math.inf):
        yield f"{where}.fit_spectra: {entry['fit_spectra']} are too few for {entry['components']} components"
    training = entry.get("training", {})
    if training.get("warmup", 0) > training.get("steps", math.inf):
        yield f"{where}.training.warmup: {training['warmup']} steps are more than all {training['steps']}"
    if not all(0 <= beta < 1 for beta in training.get("betas", ())):
        yield f"{where}.training.betas: {training['betas']} are not from 0 to below 1"


def check_search(config):
    """Yield problems of ``search``: names of encoders and classes, ranges, and neighbours beyond the knowledge base."""
    search, encoders = config["search"], config["encoders"]
    lists = {key: search[key]["methods"] for key in ("learnt", "outliers", "few_examples")}
    lists = {f"search.{key}.methods": names for key, names in lists.items()}
    lists |= {"search.methods": search["methods"]}
    lists |= {f"search.{key}.encoder": [search[key]["encoder"]] for key in ("redshift_check", "finders")}
    for where, names in lists.items():
        yield from _names(where, names, encoders, "encoder")
    yield from _names("search.compared", [search["compared"]], encoders, "encoder")
    candidates = search["candidates"]
    yield from _names("search.candidates.method", [candidates["method"]], encoders, "encoder")
    yield from _names("search.candidates.seed", [candidates["seed"]], config["catalogs"]["sample"]["seeds"], "seed")
    for key in ("behind", "base_rate"):
        yield from _names(f"search.candidates.{key}", candidates[key], config["tasks"], "task")
    yield from _names("search.few_examples.classes", search["few_examples"]["classes"], _labels(config), "label")
    for key in ("redshift_check", "finders"):
        kind = encoders.get(search[key]["encoder"], {"kind": "factors"})["kind"]
        if kind != "factors":
            yield f"search.{key}.encoder: {search[key]['encoder']} is of kind {kind}; only kind factors can be moved in redshift"
    for i, pair in enumerate(search["wrong_redshifts"]["lines"]):
        if pair[0] == pair[1]:
            yield f"search.wrong_redshifts.lines.{i}: {pair[0]} cannot be taken for itself"
    yield from _rising("search.redshift_check.z", search["redshift_check"]["z"])
    for name, entry in search["parameters"]["columns"].items():
        yield from _rising(f"search.parameters.columns.{name}: low, high", (entry["low"], entry["high"]))
        yield from _check_places(f"search.parameters.columns.{name}.from", entry["from"], config)
    yield from _check_neighbours(config)


def _check_places(where, places, config):
    """Yield a problem for each place that is neither a catalogue nor looks like the path of a file."""
    known = [*config["catalogs"]["files"], *MANIFEST_COLUMNS]
    yield from _names(where, [place for place in places if not PurePath(place).suffix], known, "catalogue")


def _check_neighbours(config):
    """Yield a problem for each number of neighbours above the entries of a knowledge base whose size is a number."""
    search, size = config["search"], config["catalogs"]["sample"]["knowledge_base"]
    asked = {"search.top_k": [search["top_k"]], "search.sweeps.top_k": search["sweeps"]["top_k"]}
    asked |= {f"tasks.{name}.top_k": [(task or {}).get("top_k") or 1] for name, task in config["tasks"].items()}
    asked |= {"search.outliers.k": [search["outliers"]["k"]], "search.parameters.k": [search["parameters"]["k"]]}
    most = math.inf if size == "all" or (isinstance(size, float) and size <= 1) else size
    for where, numbers in asked.items():
        if max(numbers) > most:
            yield f"{where}: {max(numbers)} neighbours are more than catalogs.sample.knowledge_base, {size}"


def check_tasks(config):
    """Yield problems of ``tasks``: sources, files, targets that no catalogue gives, weights that have no shares."""
    classes = [entry["label"] for entry in config["catalogs"]["labels"]]
    for name, task in config["tasks"].items():
        if not task:
            continue
        source, where = task["source"], f"tasks.{name}"
        if source not in SOURCES and not re.fullmatch(r"tables/\w+", source):
            yield f"{where}.source: no source {source}; there is {', '.join(SOURCES)}, or tables/NAME with a file"
        if source == "bpt":
            yield from _names(f"{where}.target", [task["target"]], classes, "label in catalogs.labels")
        weight = task.get("weight", config["search"]["weight"])
        if weight == "linear" and config["search"]["normalise"] == "sum":
            yield f"{where}: the weight linear is negative and has no shares of its sum; set search.normalise to softmax"
    if not any(config["tasks"].values()):
        yield "tasks: there is none"


def check_baselines(config):
    """Yield problems of ``baselines.stress``: names of encoders and systems."""
    stress = config["baselines"]["stress"]
    yield from _names("baselines.stress.methods", stress["methods"], config["encoders"], "encoder")
    yield from _names("baselines.stress.networks", stress["networks"], config["baselines"]["systems"], "system")


def check_figures(config):
    """Yield problems of ``figures``: names of encoders, methods and tasks, the spectra shown, edges that do not rise."""
    figures, encoders, tasks = config["figures"], config["encoders"], config["tasks"]
    for where in WITH_METHOD:
        yield from _names(f"figures.{where}.method", [figures[where]["method"]], encoders, "encoder")
    yield from _names("figures.encoder", [figures["encoder"]], encoders, "encoder")
    for key in ("fig4_task", "outlier_task"):
        yield from _names(f"figures.{key}", [figures[key]], tasks, "task")
    page = [*tasks, ALL_CLASSES, THREE_CLASSES]
    yield from _names("figures.neighbours.task", [figures["neighbours"]["task"]], page, "task")
    methods = [*encoders, *config["baselines"]["systems"], *FINDERS]
    yield from _names("figures.completeness.methods", figures["completeness"]["methods"], methods, "method")
    edges = figures["completeness"]["edges"]
    for pair in pairwise(edges):
        yield from _rising("figures.completeness.edges", pair)
    for key in ("case", "evidence"):
        if not CASE.fullmatch(str(figures[key]["spectrum"])):
            yield f"figures.{key}.spectrum: {figures[key]['spectrum']} is neither auto, a specobjid nor plate-mjd-fiber"


CHECKS = (check_catalogs, check_spectra, check_encoders, check_search, check_tasks, check_baselines, check_figures)
