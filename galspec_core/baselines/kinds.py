"""Kinds of systems: one module each, found by its name, all used in one of six ways.

``FAMILY`` of a module says how its answers become labels, and which functions it has:

``classifier``  ``train(entry, spectra, codes, n_classes, seed)`` on a knowledge base's labels returns a function that
                gives spectra one score per class, adding up to 1
``supervised``  ``build(entry, grid)`` gives a ``Network`` that the trainer fits to those labels; it embeds as such scores
``network``     ``build(entry, grid)`` gives a ``Network`` that learns without labels; its embedding votes
``embedding``   ``embed(entry, spectra)`` needs no fitting; the embedding votes
``score``       ``fit(entry, spectra, seed)`` without labels returns a function that gives each spectrum a number
``cluster``     ``fit(entry, spectra, seed)`` without labels returns a function that gives each spectrum its cluster

``spectra`` is a ``Gridded``, an array [n, F] of an entry with ``features``, or the embeddings [n, D] of the system named
by an entry's ``of``.
"""

from importlib import import_module
from pathlib import Path

from galspec_core.errors import ConfigError

ENCODER = ("grid", "patch", "overlap", "layers", "width", "heads", "pooling")
LIKE = ENCODER  # what an entry takes over from an entry of encoders
ANY = {"kind", "note", "seeds", "like"}  # keys that every entry may have
KINDS = {  # family, and the keys that an entry must have
    "forest": ("classifier", ("trees", "min_leaf", "balanced")),
    "mlp": ("classifier", ("grid", "components", "hidden", "alpha", "epochs")),
    "svm": ("classifier", ("grid", "components", "c", "balanced")),
    "template": ("classifier", ("grid", "components")),
    "galspecnet": ("supervised", ("grid", "dropout", "balanced", "training")),
    "supervised": ("supervised", (*ENCODER, "dropout", "balanced", "training")),
    "vae": ("network", ("grid", "hidden", "latents", "beta", "training")),
    "autoencoder": ("network", ("grid", "filters", "latents", "training")),
    "spender": ("network", ("grid", "latents", "rest_pixels", "highest_z", "training")),
    "specformer": ("network", (*ENCODER, "mask_share", "training")),
    "flux": ("embedding", ("grid",)),
    "forest_outliers": ("score", ("grid", "trees", "bin", "reference")),
    "flow": ("score", ("of", "hidden", "transforms", "lr", "batch", "epochs")),
    "kmeans": ("cluster", ("grid", "components", "clusters")),
    "mixture": ("cluster", ("grid", "components", "clusters")),
    "hierarchical": ("cluster", ("grid", "components", "clusters", "most")),
}
OPTIONAL = {"forest": {"grid", "features"}, "supervised": {"window"}}


def family(entry):
    """Return the family of an entry of ``baselines.systems``."""
    return KINDS[entry["kind"]][0]


def module_path(entry):
    """Return the file of an entry's kind, whose text decides whether its jobs run again."""
    return Path(__file__).parent / f"{entry['kind']}.py"


def load_kind(entry):
    """Return the module of an entry's kind."""
    return import_module(f"galspec_core.baselines.{entry['kind']}")


def resolve(entry, config):
    """Return an entry with what it is ``like``: the architecture of that entry of ``encoders``, its own keys first.

    Raises
    ------
    ConfigError
        There is no such encoder, or it is no Transformer.
    """
    name = entry.get("like")
    if name is None:
        return entry
    model = config["encoders"].get(name, {})
    if model.get("kind") != "transformer":
        known = [key for key, value in config["encoders"].items() if value["kind"] == "transformer"]
        raise ConfigError("there is no such Transformer", item="baselines.systems: like", expected=known, got=name)
    own = {key: value for key, value in entry.items() if key != "like"}
    return {key: model[key] for key in LIKE} | own


def check_systems(config):
    """Raise ConfigError if a system's keys are not those of its kind, or a list of ``baselines`` cannot hold a name."""
    section = config["baselines"]
    systems = {name: resolve(entry, config) for name, entry in section["systems"].items()}
    for name, entry in systems.items():
        _check_keys(f"baselines.systems.{name}", entry, config["spectra"]["grids"])
    for name, entry in systems.items():
        if "of" in entry and (entry["of"] not in systems or family(systems[entry["of"]]) != "network"):
            raise ConfigError("there is no such network", item=f"baselines.systems.{name}.of", got=entry["of"])
    for key in ("in_table2", "in_table4", "in_classes", "in_systems"):
        for name in section[key]:
            if name not in systems:
                raise ConfigError(
                    "there is no such system", item=f"baselines.{key}", expected=sorted(systems), got=name
                )
            if key in ("in_table2", "in_classes") and family(systems[name]) == "score":
                raise ConfigError("a score alone names no classes", item=f"baselines.{key}", got=name)
            if name in config["search"]["methods"]:
                raise ConfigError("a method of the search has this name already", item=f"baselines.{key}", got=name)


def _check_keys(where, entry, grids):
    """Raise ConfigError if keys are missing or of no use to the entry's kind, or its grid is none."""
    needed = set(KINDS[entry["kind"]][1])
    missing = sorted(needed - set(entry))
    useless = sorted(set(entry) - needed - ANY - OPTIONAL.get(entry["kind"], set()))
    if missing or useless:
        got = f"missing {', '.join(missing) or 'none'}; of no use {', '.join(useless) or 'none'}"
        raise ConfigError(f"keys do not fit the kind {entry['kind']}", item=where, expected=sorted(needed), got=got)
    if entry["kind"] == "forest" and ("grid" in entry) == ("features" in entry):
        raise ConfigError("a forest sees either a grid's flux or features", item=where, expected="grid or features")
    if "grid" in entry and entry["grid"] not in grids:
        raise ConfigError("there is no such grid", item=f"{where}.grid", expected=sorted(grids), got=entry["grid"])
