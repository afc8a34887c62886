"""Which index a knowledge base gets: an exact one in memory, or a compressed one beside vectors on disk."""

from dataclasses import dataclass

from galspec_core.errors import ConfigError
from galspec_core.log import logger

FLAT, IVF = "flat", "ivf"
KINDS = ("auto", FLAT, IVF)


@dataclass(frozen=True)
class IndexSettings:
    """``search.index``, ``search.memory_gb`` and ``search.recall`` of the configuration.

    ``index`` is flat (exact, in memory), ivf (approximate, vectors on disk) or auto: flat while the vectors take no more
    than ``memory_gb`` (1e9 bytes). ``recall`` is the share of true neighbours that an approximate search must find.
    """

    index: str = "auto"
    memory_gb: float = 2.0
    recall: float = 0.99

    def __post_init__(self):
        if self.index not in KINDS:
            raise ConfigError("there is no such index", item="search.index", expected=", ".join(KINDS), got=self.index)

    @property
    def held(self):
        """Return how many bytes of vectors may be held in memory."""
        return {FLAT: float("inf"), IVF: -1.0}.get(self.index, self.memory_gb * 1e9)

    def choose(self, n, dimension):
        """Return flat or ivf for ``n`` vectors of ``dimension`` numbers (float32), and log why."""
        size = 4 * n * dimension
        kind = FLAT if size <= self.held else IVF
        reason = f"search.index: {self.index}"
        if self.index == "auto":
            reason += f", {size / 1e9:.3g} GB of vectors against search.memory_gb: {self.memory_gb:g}"
        logger.info("index %s for %s vectors of %d numbers (%s)", kind, f"{n:,}", dimension, reason)
        return kind
