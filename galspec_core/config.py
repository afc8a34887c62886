"""Check a configuration: every misspelt or mistyped key is named, with the nearest one that exists."""

import difflib
from functools import cache
from pathlib import Path

import jsonschema
import yaml

from galspec_core.bounds import impossible, not_finite
from galspec_core.errors import ConfigError

VALIDATOR = jsonschema.validators.extend(  # JSON calls 32.0 an integer, range() does not
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda checker, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)
SCHEMA = Path(__file__).parent.parent / "config" / "schema.yaml"


def check_config(config, schema_path=SCHEMA):
    """Raise ConfigError listing everything in ``config`` that the schema does not allow, or that cannot be."""
    if not isinstance(config, dict):
        raise ConfigError("the configuration is no table of keys", got=type(config).__name__)
    errors = sorted(_validator(schema_path).iter_errors(config), key=lambda e: [str(p) for p in e.absolute_path])
    problems = [*map(_describe, errors), *not_finite(config)]
    problems = problems or impossible(config)
    if problems:
        raise ConfigError(
            "the configuration has mistakes:\n  " + "\n  ".join(problems), remedy="Compare with config.yaml"
        )


@cache
def _validator(schema_path):
    return VALIDATOR(yaml.safe_load(Path(schema_path).read_text()))


def _describe(error):
    """Return one problem as text: where, what, and the nearest key that exists."""
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator != "additionalProperties":
        return f"{where or 'top level'}: {error.message}"
    known = list(error.schema.get("properties", {}))
    texts = []
    for key in sorted(set(error.instance) - set(known)):
        near = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        texts.append(f"{where + '.' if where else ''}{key}: no such key; {hint}")
    return "\n  ".join(texts)


def load_config(paths):
    """Return the configuration of several YAML files, later ones over earlier ones key by key, as Snakemake does.

    Raises
    ------
    ConfigError
        A file cannot be read, is no YAML, or holds no table of keys.
    """
    config = {}
    for path in paths:
        config = merge(config, _load(Path(path)))
    return config


def _load(path):
    try:
        section = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("cannot be read as YAML", item=path, got=" ".join(str(error).split())) from error
    if not isinstance(section, dict):
        raise ConfigError("holds no table of keys", item=path, expected="key: value", got=type(section).__name__)
    return section


def merge(config, other):
    """Return ``config`` with the keys of ``other`` over its own, dict by dict; neither is changed."""
    both = {key: merge(config[key], value) for key, value in other.items() if _are_dicts(config.get(key), value)}
    return {**config, **other, **both}


def _are_dicts(*values):
    return all(isinstance(value, dict) for value in values)
