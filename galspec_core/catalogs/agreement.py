"""Two opinions on emission lines: galSpecExtra's BPTCLASS and Portsmouth's BPT, and the label where they agree."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from galspec_core.catalogs.crossmatch import columns, match_rows
from galspec_core.errors import CatalogError, ConfigError

BPTCLASSES = (-1, 1, 2, 3, 4, 5)  # galSpecExtra data model
PORTSMOUTH_CLASSES = ("BLANK", "Star Forming", "Seyfert", "LINER", "Seyfert/LINER", "Composite")  # emissionLinesPort
STRONG_LINER = (4, "LINER")  # the pair that the switch strong_liner calls LINER
ABSENT = "absent"  # a spectrum that one of the catalogues lacks
CATALOGUE = "galspecextra x portsmouth"


@dataclass(frozen=True)
class Agreement:
    """BPT labels of the selected spectra ("" where none), line ratios (NaN where none), cross table, drops."""

    label: np.ndarray
    log_nii_ha: np.ndarray
    log_oiii_hb: np.ndarray
    table: pd.DataFrame
    drops: list


def label_pairs(entries, strong_liner=False):
    """Return {(BPTCLASS, Portsmouth BPT): label} from the configured table; ConfigError if a pair stands twice."""
    pairs = {}
    for entry in entries:
        for pair in ((int(b), str(p)) for b in entry["bptclass"] for p in entry["portsmouth"]):
            if pair in pairs:
                raise ConfigError(f"the pair {pair} stands twice", item="catalogs.labels")
            pairs[pair] = entry["label"]
    return pairs | {STRONG_LINER: "LINER"} if strong_liner else pairs


def agree(selected, galspecextra, portsmouth, pairs):
    """Return the labels on which both catalogues agree.

    Parameters
    ----------
    selected, galspecextra, portsmouth : pa.Table
    pairs : dict
        What ``label_pairs`` returns.

    Raises
    ------
    CatalogError
        No selected spectrum is in both catalogues; the message says why.
    """
    (mpa, mpa_ids), (port, port_ids) = match_rows(selected, galspecextra), match_rows(selected, portsmouth)
    if not ((mpa >= 0) & (port >= 0)).any():
        raise _empty(selected, galspecextra, portsmouth, (mpa, port), (mpa_ids, port_ids))
    first, second = _take(galspecextra, "bptclass", mpa), _take(portsmouth, "bpt", port)
    words = {(str(b), p): label for (b, p), label in pairs.items()}
    opinions = pd.DataFrame({"bptclass": first, "portsmouth": second})[(mpa >= 0) | (port >= 0)]
    table = _cross_table(opinions, words)
    named = [[words.get((b, p), "") for p in second.categories] for b in first.categories]
    label = np.array(named, dtype=object)[first.codes, second.codes]
    ratios = [_log_ratio(portsmouth, port, *lines) for lines in (("nii", "ha"), ("oiii", "hb"))]
    return Agreement(label, *ratios, table, _drops(table, galspecextra, portsmouth, mpa, port))


def _take(table, column, rows):
    """Return values at ``rows`` as categories that are words, ABSENT where a row is -1."""
    words = table[column].cast(pa.string()).combine_chunks().dictionary_encode()
    codes = np.append(words.indices.to_numpy(), len(words.dictionary))[rows]
    return pd.Categorical.from_codes(codes, [*words.dictionary.to_pylist(), ABSENT])


def _cross_table(opinions, words):
    """Return every pair of the two catalogues' classes with its count and the label it gives, by ``words``."""
    counts = opinions.groupby(["bptclass", "portsmouth"], observed=True).size()
    mpa = list(dict.fromkeys([*map(str, BPTCLASSES), *sorted(opinions["bptclass"].unique()), ABSENT]))
    port = list(dict.fromkeys([*PORTSMOUTH_CLASSES, *sorted(opinions["portsmouth"].unique()), ABSENT]))
    rows = [
        (b, p, int(counts.get((b, p), 0)), words.get((b, p), ""))
        for b in mpa
        for p in port
        if (b, p) != (ABSENT, ABSENT)
    ]
    return pd.DataFrame(rows, columns=["bptclass", "portsmouth", "n", "label"])


def _log_ratio(portsmouth, rows, numerator, denominator):
    """Return log10 of a ratio of Portsmouth's fluxes where both are positive, NaN elsewhere."""
    above, below = (np.append(f, np.nan)[rows] for f in columns(portsmouth, numerator, denominator))
    positive = (above > 0) & (below > 0)
    return np.where(positive, np.log10(np.where(positive, above, 1) / np.where(positive, below, 1)), np.nan)


def _drops(table, galspecextra, portsmouth, mpa, port):
    unlabelled = table[table["label"] == ""]
    only_mpa, only_port = unlabelled["portsmouth"] == ABSENT, unlabelled["bptclass"] == ABSENT
    counts = {
        "catalogues disagree": unlabelled[~only_mpa & ~only_port],
        "only in galSpecExtra": unlabelled[only_mpa],
        "only in Portsmouth": unlabelled[only_port],
    }
    drops = [(CATALOGUE, reason, int(part["n"].sum())) for reason, part in counts.items()]
    for name, catalogue, rows in (("galspecextra", galspecextra, mpa), ("portsmouth", portsmouth, port)):
        drops.append(
            (name, "not a selected spectrum, or a repeated row", catalogue.num_rows - len(np.unique(rows[rows >= 0])))
        )
    return drops


def _empty(selected, galspecextra, portsmouth, rows, by_id):
    """Return the error of an empty intersection, with what each catalogue has."""
    named = (("selected specObj", selected), ("galSpecExtra", galspecextra), ("Portsmouth", portsmouth))
    facts = [f"{name}: {_extent(table)}" for name, table in named]
    for (name, _), found, ids in zip(named[1:], rows, by_id, strict=True):
        facts.append(f"{(found >= 0).sum():,} selected spectra are in {name} ({ids:,} by specobjid)")
    return CatalogError(
        "no selected spectrum is in both galSpecExtra and Portsmouth",
        item="catalogs.files",
        got="; ".join(facts),
        remedy="galSpecExtra covers SDSS-I/II plates: set catalogs.files.portsmouth_legacy to the file of the legacy "
        "plates; Portsmouth's BOSS file alone has none of them",
    )


def _extent(table):
    if not table.num_rows:
        return "0 rows"
    plate = table["plate"].to_numpy()
    return f"{table.num_rows:,} rows, plates {plate.min()}-{plate.max()}"


def join_portsmouth(tables):
    """Return the Portsmouth tables, BOSS first, as one."""
    return pa.concat_tables([table for table in tables if table is not None])
