"""Spectra: from spec-lite files to normalised shards on a common grid."""
