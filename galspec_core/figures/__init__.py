"""Figures: one file per figure or page."""
