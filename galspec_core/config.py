"""Check a configuration: every misspelt or mistyped key is named, with the nearest one that exists."""

import difflib
import re
from pathlib import Path

import jsonschema
import yaml

from galspec_core.errors import ConfigError

WITH_METHOD = ("neighbours", "case", "failures", "distances", "evidence")  # entries of figures that name an encoder
MARKUP = re.compile(r"<[/!?a-zA-Z]")  # Snakemake writes parameters into its report as they are
SCHEMA = Path(__file__).parent.parent / "config" / "schema.yaml"


def check_config(config, schema_path=SCHEMA):
    """Raise ConfigError listing everything in ``config`` that the schema does not allow."""
    schema = yaml.safe_load(Path(schema_path).read_text())
    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(config), key=lambda e: [str(p) for p in e.absolute_path]
    )
    problems = [_describe(error) for error in errors] + _unknown_names(config if not errors else {})
    problems += [
        f"{where}: {text[:60]!r} would run in the report" for where, text in _texts(config) if MARKUP.search(text)
    ]
    if problems:
        raise ConfigError(
            "the configuration has mistakes:\n  " + "\n  ".join(problems), remedy="Compare with config.yaml"
        )


def _texts(value, where=""):
    """Yield (where it stands, text) of every key and value that is text."""
    if isinstance(value, str):
        yield where or "top level", value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield where or "top level", str(key)
            yield from _texts(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, where)


def _describe(error):
    """Return one problem as text: where, what, and the nearest key that exists."""
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "pattern":
        return f"{where or 'top level'}: {error.instance!r} cannot stand here: {error.schema.get('description', error.message)}"
    if error.validator != "additionalProperties":
        return f"{where or 'top level'}: {error.message}"
    known = list(error.schema.get("properties", {}))
    texts = []
    for key in sorted(set(error.instance) - set(known)):
        near = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        texts.append(f"{where + '.' if where else ''}{key}: no such key; {hint}")
    return "\n  ".join(texts)


def _unknown_names(config):
    """Return problems of names that must exist elsewhere in the configuration: grids, encoders."""
    problems = []
    if not config:
        return problems
    grids, encoders = config["spectra"]["grids"], config["encoders"]
    for name, entry in encoders.items():
        if entry["grid"] not in grids:
            problems.append(f"encoders.{name}.grid: no grid {entry['grid']}; spectra.grids has {', '.join(grids)}")
    figures = {f"figures.{key}.method": config["figures"][key]["method"] for key in WITH_METHOD}
    named = [*figures.items(), *(("search.methods", method) for method in config["search"]["methods"])]
    named.append(("figures.encoder", config["figures"]["encoder"]))
    named += [("baselines.stress.methods", method) for method in config["baselines"]["stress"]["methods"]]
    named.append(("search.redshift_check.encoder", config["search"]["redshift_check"]["encoder"]))
    named.append(("search.finders.encoder", config["search"]["finders"]["encoder"]))
    for where, method in named:
        if method not in encoders:
            problems.append(f"{where}: no encoder {method}; encoders has {', '.join(encoders)}")
    return problems


def load_config(paths):
    """Return the configuration of several YAML files, later ones over earlier ones key by key, as Snakemake does."""
    config = {}
    for path in paths:
        config = merge(config, yaml.safe_load(Path(path).read_text()) or {})
    return config


def merge(config, other):
    """Return ``config`` with the keys of ``other`` over its own, dict by dict; neither is changed."""
    both = {key: merge(config[key], value) for key, value in other.items() if _are_dicts(config.get(key), value)}
    return {**config, **other, **both}


def _are_dicts(*values):
    return all(isinstance(value, dict) for value in values)
