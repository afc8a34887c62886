"""The errors GalSpec raises on purpose, each a sentence a person can act on."""

import re

CONTROL = re.compile(  # what a server may send to play tricks on a terminal or a log; bytes of a name that are no text
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
)

REMOVE = "Remove it and start again: the workflow makes it anew. galspec verify finds all that was changed"


def plain_text(text):
    """Return text whose control characters, but for ends of lines, are shown and not obeyed."""
    return CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


class GalspecError(Exception):
    """Say what is wrong with which object, what was expected, and what to do.

    The facts stay available as attributes, so that callers can put them in a table of rejected spectra. ``usual`` is
    what to do where nothing else is said.
    """

    usual: str | None = None

    def __init__(self, what, *, item=None, expected=None, got=None, remedy=None):
        self.what, self.item, self.expected, self.got, self.remedy = what, item, expected, got, remedy or self.usual
        super().__init__(str(self))

    def __str__(self):
        parts = [f"{self.item}: {self.what}" if self.item is not None else self.what]
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        if self.got is not None:
            parts.append(f"got {self.got}")
        text = plain_text("; ".join(parts))
        return f"{text}. {self.remedy}" if self.remedy else text

    def __reduce__(self):
        facts = dict(item=self.item, expected=self.expected, got=self.got, remedy=self.remedy)
        return _rebuild, (type(self), self.what, facts)


def _rebuild(cls, what, facts):
    """Build an error again on the other side of a process pool."""
    return cls(what, **facts)


class ConfigError(GalspecError):
    """A setting is missing, misspelt, of the wrong type or out of range."""


class CatalogError(GalspecError):
    """A catalogue cannot be read, lacks a column, or does not match another."""

    usual = "Correct the table, or name another one in the configuration"


class ReasonedError(GalspecError):
    """An error with a ``reason``: the word that goes into the table of rejected spectra."""

    def __init__(self, what, *, reason="unusable", **facts):
        self.reason = reason
        super().__init__(what, **facts)

    def __reduce__(self):
        facts = dict(item=self.item, expected=self.expected, got=self.got, remedy=self.remedy, reason=self.reason)
        return _rebuild, (type(self), self.what, facts)


class FetchError(ReasonedError):
    """A file cannot be brought from the SAS root."""


class SpectrumError(ReasonedError):
    """A spectrum cannot be used."""


class TooManyRejected(GalspecError):
    """More spectra of a shard were rejected than the configuration allows."""


class TrainingError(GalspecError):
    """An encoder cannot be trained: the loss is not finite, or another trainer holds the checkpoint."""


class SystemFault(GalspecError):
    """The operating system refuses something: the disk is full, a folder is read-only, permission is lacking."""


class SearchError(GalspecError):
    """A knowledge base cannot be built, loaded or searched."""


class DamagedError(GalspecError):
    """A file that the workflow made is not whole any more."""


class ProvenanceError(GalspecError):
    """A file has no record of what made it, or one that cannot be read."""


class NoRunError(GalspecError):
    """A folder holds no run, or one of which no plan is known."""
