"""What to do about faults that several parts of the search may meet, in words."""

from galspec_core.errors import SearchError

AGAIN = "Remove its folder: the workflow builds it anew"
EMPTY = "Look at results/table3.csv: does any labelled spectrum stand on the training side?"
ALIKE = "All entries are alike where the median is 0: look at the encoder"
ANOTHER_ENCODER = "Embed the query with the encoder that made this knowledge base"
LOST = "Embeddings and manifest are of different samples: start the run again"
NOT_FINITE = "Its encoder may have diverged: look at its history.csv, and train it again with a lower learning rate"


def not_in_manifest(ids):
    """Return the error of spectra that the manifest lacks."""
    got, remedy = f"{len(ids)} such spectra", "Votes and manifest are of different samples: start the run again"
    return SearchError("stands in no manifest", item=f"specobjid {ids[0]}", got=got, remedy=remedy)
