"""GalSpec: find rare galaxies in spectroscopic surveys, and show why each was found."""

__version__ = "0.1.0"
