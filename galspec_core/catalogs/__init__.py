"""Catalogues: what is known about each spectrum, and who plays which role."""
