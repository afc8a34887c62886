"""Encoders: from a gridded spectrum to an embedding."""
