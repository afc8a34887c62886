"""The case study: one spectrum, the neighbours that label it, and where their lines put them: table B2 (appendix B.2)."""

import numpy as np
import pandas as pd

from galspec_core.catalogs.bpt import paper_b1, schawinski2007
from galspec_core.catalogs.roles import ALL_CLASSES, TEST
from galspec_core.errors import SearchError
from galspec_core.search.task import Voter
from galspec_core.search.vote import one_class

PAPERS = dict(plate=881, mjd=52368, fiberid=36)  # the spectrum of the paper's case study
RATIOS = ["log_nii_ha", "log_oiii_hb"]


def find_case(spec, manifest, roles):
    """Return the specobjid of the spectrum to study.

    Parameters
    ----------
    spec : str or int
        "plate-mjd-fiber", a specobjid, or "auto": the paper's own where the manifest has it, else the test LINER of
        highest S/N, else the test spectrum of highest S/N (the vote over all classes).
    manifest : DataFrame
        specobjid, plate, mjd, fiberid, snr.
    roles : DataFrame
        specobjid, task, role, label of the seed that is studied.

    Raises
    ------
    SearchError
        The manifest does not have it, or there is no test spectrum to choose from.
    """
    if str(spec) != "auto":
        return _named(str(spec), manifest)
    papers = manifest[_is_fibre(manifest, **PAPERS)]
    if len(papers):
        return int(papers["specobjid"].iloc[0])
    tests = roles[(roles["task"] == ALL_CLASSES) & (roles["role"] == TEST)]
    liners = tests[["LINER" in label.split("+") for label in tests["label"]]]
    return _brightest((liners if len(liners) else tests)["specobjid"], manifest)


def _is_fibre(manifest, plate, mjd, fiberid):
    return (manifest["plate"] == plate) & (manifest["mjd"] == mjd) & (manifest["fiberid"] == fiberid)


def _named(spec, manifest):
    parts = spec.split("-")
    if not all(part.isdecimal() for part in parts) or len(parts) not in (1, 3):
        expected = "auto, plate-mjd-fiber or a specobjid"
        item, remedy = "figures.case.spectrum", "Correct it in the configuration"
        raise SearchError("names no spectrum", item=item, expected=expected, got=spec, remedy=remedy)
    wanted = (
        _is_fibre(manifest, *map(int, parts))
        if len(parts) == 3
        else manifest["specobjid"].astype(str) == str(int(spec))
    )
    if not wanted.any():
        remedy = "Name one of results/catalogs/manifest.parquet, or set auto"
        raise SearchError("stands in no manifest, or was rejected", item=f"spectrum {spec}", remedy=remedy)
    return int(manifest.loc[wanted, "specobjid"].iloc[0])


def _brightest(ids, manifest):
    there = manifest[manifest["specobjid"].isin(ids)].sort_values(["snr", "specobjid"], ascending=[False, True])
    if there.empty:
        remedy = "Name one of the manifest in figures.case.spectrum"
        raise SearchError("there is no test spectrum to study", item="figures.case.spectrum: auto", remedy=remedy)
    return int(there["specobjid"].iloc[0])


def case_table(case, base, settings, seed, embedding, manifest, labels):
    """Return table B2: the query (rank 0) and the neighbours that voted, nearest first.

    ``class`` is the one that votes, ``winning_share`` and ``predicted`` stand in the query's row alone, and the last
    columns but one say on which side of a line a galaxy lies. Ratios that were not measured leave all this empty.

    Parameters
    ----------
    case : int
        specobjid of the query.
    base : KnowledgeBase
        Of the vote over all classes.
    settings : VoteSettings
    seed : int
        Whose share of the knowledge base is searched.
    embedding : ndarray[D]
    manifest, labels : DataFrame
        specobjid, position, z; specobjid, labels, log_nii_ha, log_oiii_hb.
    """
    own = labels[labels["specobjid"] == case]
    label = "+".join(own["labels"].iloc[0]) if len(own) else ""
    query = manifest.loc[manifest["specobjid"] == case, ["specobjid", "position"]].assign(label=label)
    vote = Voter(ALL_CLASSES, None, base, settings).votes(seed, query, np.atleast_2d(embedding)).iloc[0]
    names = dict(zip(base.metadata["specobjid"], base.metadata["label"], strict=True))
    near = vote["neighbour_ids"]
    table = pd.DataFrame({"rank": range(len(near) + 1), "specobjid": np.array([case, *near], dtype="u8")})
    table["class"] = one_class([label, *(names[i] for i in near)])
    table["z"] = manifest.set_index("specobjid")["z"].loc[table["specobjid"]].to_numpy()
    table["distance"], table["weight"] = [np.nan, *vote["distances"]], [np.nan, *vote["weights"]]
    table[RATIOS] = labels.set_index("specobjid")[RATIOS].reindex(table["specobjid"]).to_numpy()
    table["winning_share"] = np.where(table["rank"] == 0, vote["share"], np.nan)
    for name, line in (("schawinski2007", schawinski2007), ("paper_b1", paper_b1)):
        table[name] = side(line, table["log_nii_ha"], table["log_oiii_hb"])
    return table.assign(predicted=np.where(table["rank"] == 0, vote["predicted"], ""))


def side(line, log_nii_ha, log_oiii_hb):
    """Return "Seyfert" above ``line``, a function of bpt.py, "LINER" on it or below, "" where a ratio is missing."""
    x, y = np.asarray(log_nii_ha, dtype="f8"), np.asarray(log_oiii_hb, dtype="f8")
    return np.where(np.isfinite(x) & np.isfinite(y), np.where(y > line(x), "Seyfert", "LINER"), "")
