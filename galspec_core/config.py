"""Check a configuration: every misspelt or mistyped key is named, with the nearest one that exists."""

import difflib
import re
from functools import cache
from pathlib import Path

import jsonschema
import yaml

from galspec_core.bounds import impossible, not_plain
from galspec_core.errors import ConfigError

MARKUP = re.compile(r"<[/!?a-zA-Z]")  # Snakemake writes parameters into its report as they are
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
        remedy = "Write key: value, as config.yaml does"
        raise ConfigError("the configuration is no table of keys", got=type(config).__name__, remedy=remedy)
    errors = sorted(_validator(schema_path).iter_errors(config), key=lambda e: [str(p) for p in e.absolute_path])
    problems = [_describe(error) for whole in errors for error in _of_its_kind(whole)] + [*not_plain(config)]
    problems = problems or impossible(config)
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


@cache
def _validator(schema_path):
    return VALIDATOR(yaml.safe_load(Path(schema_path).read_text()))


def _of_its_kind(error):
    """Return the errors of the one entry that an ``encoders`` entry's kind means, and not that it fits none of them."""
    branches = {}
    for part in error.context or ():
        branches.setdefault(part.schema_path[0], []).append(part)
    meant = [parts for parts in branches.values() if not any([*part.path][-1:] == ["kind"] for part in parts)]
    return meant[0] if error.validator == "oneOf" and len(meant) == 1 else [error]


def _describe(error):
    """Return one problem as text: where, what, and the nearest key that exists."""
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "pattern":
        return f"{where or 'top level'}: {error.instance!r} cannot stand here: {error.schema.get('description', error.message)}"
    if error.validator == "oneOf" and "kind" in error.schema.get("required", ()) and isinstance(error.instance, dict):
        kinds = [branch["properties"]["kind"]["const"] for branch in error.schema["oneOf"]]
        found = error.instance.get("kind", f"among the keys {', '.join(map(str, error.instance))}")
        return f"{where}.kind: no kind {found}; there is {', '.join(kinds)}"
    if error.validator == "oneOf":
        return f"{where}: {', or '.join(part.message for part in error.context)}"
    if error.validator != "additionalProperties":
        return f"{where or 'top level'}: {error.message}"
    known = list(error.schema.get("properties", {}))
    texts = []
    for key in sorted(set(error.instance) - set(known), key=str):
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
        section = yaml.load(path.read_text(encoding="utf-8"), _Loader) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("cannot be read as YAML", item=path, got=" ".join(str(error).split())) from error
    if not isinstance(section, dict):
        got, remedy = type(section).__name__, "Compare with config.yaml"
        raise ConfigError("is no table of keys", item=path, expected="key: value", got=got, remedy=remedy)
    return section


class _Loader(yaml.SafeLoader):
    """YAML as it is, but for keys that stand twice in one table, of which the last would win without a word."""

    def construct_mapping(self, node, deep=False):
        """Return a table; raise a YAML error naming a key that stands twice."""
        seen = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key, _ in node.value:
            if seen.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} stands twice", key.start_mark)
        return super().construct_mapping(node, deep)


def merge(config, other):
    """Return ``config`` with the keys of ``other`` over its own, dict by dict; neither is changed."""
    both = {key: merge(config[key], value) for key, value in other.items() if _are_dicts(config.get(key), value)}
    return {**config, **other, **both}


def _are_dicts(*values):
    return all(isinstance(value, dict) for value in values)
