"""A small map with known contents."""

import numpy as np
import pandas as pd

BASE = 2**63 + 7
NASTY = '</script><script>alert(1)</script>&"'


def survey(n):
    """Return the manifest and the labels of ``n`` spectra: the third label is one that a page must not run."""
    ids = np.arange(BASE, BASE + n, dtype="u8")
    manifest = pd.DataFrame(
        dict(specobjid=ids, plate=np.int32(9000), mjd=np.int32(57000), fiberid=np.arange(1, n + 1, dtype="i4"))
    ).assign(ra=1.0, dec=2.0, z=np.linspace(0.01, 0.3, n), snr=np.linspace(2, 30, n), instrument="BOSS")
    words = [["SF"], ["LINER", "Lens"], [NASTY]]
    labels = pd.DataFrame(dict(specobjid=ids[::2], labels=[words[i % 3] for i in range(len(ids[::2]))]))
    return manifest, labels.assign(held_out=[[]] * len(labels), log_nii_ha=np.nan)
