"""How fast GalSpec is: each figure a ratio to a peer or to what the machine can do, both measured in turn in one run."""
