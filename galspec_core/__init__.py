"""GalSpec: find rare galaxies in spectroscopic surveys, and show why each was found."""

__version__ = "0.1.0"


def __getattr__(name):
    """Return KnowledgeBase, imported when it is first asked for: what else imports galspec_core needs none of it."""
    if name != "KnowledgeBase":
        raise AttributeError(f"module 'galspec_core' has no attribute {name!r}")
    from importlib import import_module

    return import_module("galspec_core.notebook").KnowledgeBase
