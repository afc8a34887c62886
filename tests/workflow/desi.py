"""A small DESI reduction in a folder: a redshift catalogue, and coadd files of galaxies of two kinds."""

import numpy as np
from astropy.table import Table

from galspec_core.paths import coadd_path
from tests.catalogs.test_desi import zcatalog
from tests.spectra.coadd_files import arms, write_coadd

LINES = {
    3728.5: 3.0,
    4862.7: 1.5,
    5008.2: 2.0,
    6564.6: 4.0,
    6585.3: 1.5,
}  # rest Angstrom, equivalent widths relative to each other


def write_reduction(folder, n=90, pixels=3, seed=0):
    """Write ``n`` galaxies in ``pixels`` HEALPixels; a third has emission lines and is listed in odd.csv."""
    rng = np.random.default_rng(seed)
    rows = zcatalog(n, TARGETID=1000 + np.arange(n), HEALPIX=(100 + np.arange(n) % pixels).astype("i4"))
    rows |= {
        "Z": rng.uniform(0.02, 0.4, n),
        "ZCAT_PRIMARY": np.ones(n, bool),
        "MEDIAN_COADD_SNR_R": rng.uniform(5, 9, n),
    }
    place = folder / "zcatalog/v1/zall-pix-iron.fits"
    place.parent.mkdir(parents=True)
    Table(rows).write(place)
    for pixel in range(pixels):
        own = np.flatnonzero(np.arange(n) % pixels == pixel)
        images = [arms(1, seed=seed + int(k), flux=_galaxy(rows["Z"][k], k % 3 == 0, rng), ivar=100.0) for k in own]
        together = {
            arm: {
                kind: values if kind == "WAVELENGTH" else np.concatenate([one[arm][kind] for one in images])
                for kind, values in kinds.items()
            }
            for arm, kinds in images[0].items()
        }
        write_coadd(folder / coadd_path("main-dark", 100 + pixel), rows["TARGETID"][own], together)
    odd = ["specobjid,subtype", *(f"{rows['TARGETID'][k]},lines" for k in range(0, n, 3))]
    (folder / "odd.csv").write_text("\n".join(odd) + "\n")
    return folder


def _galaxy(z, lines, rng):
    slope, strength = rng.normal(0, 0.5), rng.uniform(2, 6) * lines

    def flux(wave):
        rest = wave / (1 + z)
        level = (rest / 5500) ** slope * (1 - 0.4 / (1 + np.exp((rest - 4000) / 30)))
        peaks = sum(share * np.exp(-0.5 * ((rest - line) / 2.5) ** 2) for line, share in LINES.items())
        return level + strength * peaks

    return flux
