"""Settings of the catalogue stage: configuration sections become frozen dataclasses, checked by name."""

from dataclasses import MISSING, fields

from galspec_core.errors import ConfigError


def from_section(cls, section, where):
    """Return the dataclass ``cls`` filled from a configuration section.

    Raises
    ------
    ConfigError
        A key is unknown or missing; the message names it and ``where`` it stands.
    """
    known = {field.name: field for field in fields(cls)}
    for key in section or {}:
        if key not in known:
            raise ConfigError(f"there is no key {key!r}", item=where, expected=", ".join(known))
    for key, field in known.items():
        if key not in (section or {}) and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"the key {key!r} is missing", item=where)
    return cls(**(section or {}))


def amount(value, available, where="amount"):
    """Return how many of ``available`` things a setting takes.

    An integer is a number, a float up to 1 a share, the word ``all`` everything.
    """
    if value == "all":
        return available
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ConfigError("not an amount", item=where, expected="a number, a share up to 1.0, or all", got=value)
    if isinstance(value, float) and value <= 1:
        return round(value * available)
    return min(int(value), available)


def share(value, where):
    """Return a share between 0 and 1 as it is, or raise ConfigError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ConfigError("not a share", item=where, expected="a number from 0 to 1", got=value)
    return float(value)
