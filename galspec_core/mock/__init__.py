"""A simulated survey with known answers, written as a SAS tree."""
