"""Roles: the words of roles.parquet, and how many spectra play each.

Jobs that only read roles import this alone, without what it takes to draw them (``role_draws``).
"""

import pandas as pd
import pyarrow as pa

KNOWLEDGE_BASE, TEST, PRETRAIN, VALIDATION = "knowledge_base", "test", "pretrain", "validation"
ALL_CLASSES, THREE_CLASSES = "classes", "bpt3"  # votes over all labels, and over the paper's table 2
TABLE2 = {"SF": "SF", "Seyfert": "AGN", "LINER": "AGN", "Normal": "Normal"}  # paper, section 4.1; Composite left out
UNLABELLED = "unlabelled"
SCHEMA = pa.schema(
    [
        ("specobjid", pa.uint64()),
        ("task", pa.string()),
        ("seed", pa.int32()),
        ("role", pa.string()),
        ("label", pa.string()),
        ("subtype", pa.string()),
    ]
)


def count_roles(roles):
    """Return task, class, role, n, n_std: means and standard deviations over seeds; controls are ``unlabelled``.

    A seed without a spectrum of some class and role counts as 0. ``roles`` is a pa.Table or DataFrame with the columns of
    SCHEMA.
    """
    keys = ["task", "label", "role", "seed"]
    roles = roles if isinstance(roles, pa.Table) else pa.Table.from_pandas(roles[keys], preserve_index=False)
    frame = roles.group_by(keys).aggregate([([], "count_all")]).to_pandas()
    frame = frame[frame["task"] != ""]
    frame = frame.assign(**{"class": frame["label"].where(frame["label"] != "", UNLABELLED)})
    by_seed = frame.pivot_table("count_all", ["task", "class", "role"], "seed", aggfunc="sum", fill_value=0)
    counts = pd.DataFrame({"n": by_seed.mean(axis=1), "n_std": by_seed.std(axis=1)}).reset_index()
    return counts.astype({"n": "int64"}) if (counts["n"] % 1 == 0).all() else counts
