"""What other programs do to bring a spec-lite file to a shard row, or only to read it: each by its own documented calls."""

import numpy as np
from astropy.io import fits

from galspec_core.paths import SDSS_RUN2D
from galspec_core.spectra.shard import Gridded, write_gridded

COLUMNS = ["flux", "loglam", "ivar", "and_mask"]


def spender_shard(paths, targets, folder, catalogue):
    """Write spectra as spender does: on its comb of native pixels, normalised in the same window, in its Parquet.

    ``catalogue`` says whether it is told the redshift, as from its query(), or reads it from the file, as it can too.
    """
    import torch
    from spender.data.dataset import get_features, write_dataset
    from spender.data.sdss import BOSS, SDSS

    torch.set_num_threads(1)
    for instrument in (SDSS, BOSS):
        mine = [i for i, t in enumerate(targets) if (str(t["run2d"]) in SDSS_RUN2D) == (instrument is SDSS)]
        z = [targets[i]["z"] if catalogue else None for i in mine]
        made = [instrument.prepare_spectrum(paths[i], redshift)[:3] for i, redshift in zip(mine, z, strict=True)]
        if not made:
            continue
        spec, w, norm = (torch.stack([torch.as_tensor(row[k], dtype=torch.float32) for row in made]) for k in range(3))
        batch = {key: np.array([targets[i][key] for i in mine]) for key in ("z", "plate", "mjd", "fiberid")}
        batch |= dict(spec=spec, w=w, norm=norm, zerr=np.zeros(len(mine)))
        features = get_features(spec.shape[1], instrument._id_columns)
        write_dataset(folder / instrument.__name__, [batch], features, instrument._id_columns)


def specutils_shard(resampler, paths, targets, grid, window, folder):
    """Write spectra as one does with specutils: read, mask, normalise, resample, one after another; in our Parquet."""
    import astropy.units as u
    from specutils import Spectrum, manipulation

    resample = getattr(manipulation, resampler)(extrapolation_treatment="zero_fill")
    wave = grid.wavelengths * u.AA
    flux, ivar = np.empty((2, len(paths), grid.pixels), "f4")
    for i, (path, target) in enumerate(zip(paths, targets, strict=True)):
        spectrum = _normalise(Spectrum.read(path, format="SDSS-III/IV spec"), target["z"], window)
        gridded = resample(spectrum, wave)
        flux[i], ivar[i] = gridded.flux.value, gridded.uncertainty.array
    ids, z = (np.array([target[key] for target in targets], kind) for key, kind in (("specobjid", "u8"), ("z", "f4")))
    folder.mkdir(parents=True, exist_ok=True)
    write_gridded(folder / f"{resampler}.parquet", Gridded(ids, z, flux, ivar))


def _normalise(spectrum, z, window):
    """Return a Spectrum over the median of its window; masked pixels have no weight."""
    import astropy.units as u
    from astropy.nddata import InverseVariance
    from specutils import Spectrum

    rest = spectrum.spectral_axis.value / (1 + z)
    good = ~spectrum.mask & (spectrum.uncertainty.array > 0)
    median = np.median(spectrum.flux[good & (rest >= window[0]) & (rest <= window[1])])
    ivar = InverseVariance(np.where(good, spectrum.uncertainty.array, 0) * median.value**2, u.dimensionless_unscaled)
    return Spectrum(flux=spectrum.flux / median, spectral_axis=spectrum.spectral_axis, uncertainty=ivar)


def read_astropy(path):
    """Read with astropy, which parses no header behind HDU 1 then."""
    with fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
        header, table = hdus[0].header, hdus[1].data
        return [table[key].astype(table[key].dtype.newbyteorder("=")) for key in COLUMNS], _identity(header)


def read_fitsio(path):
    """Read with fitsio as it is documented: it asks every HDU what it is before."""
    import fitsio

    with fitsio.FITS(path) as file:
        return _columns(file[1].read()), _identity(file[0].read_header())


def read_fitsio_hdu(path):
    """Read with fitsio's classes of one HDU, by an attribute that is not for users: no other HDU is parsed."""
    import fitsio

    with fitsio.FITS(path) as file:
        table, primary = fitsio.hdu.TableHDU(file._FITS, 1), fitsio.hdu.ImageHDU(file._FITS, 0)
        return _columns(table.read()), _identity(primary.read_header())


def read_fitsio_table(path):
    """Read as read_fitsio_hdu, but rows as they are, of whatever spectrum: less than ours does."""
    import fitsio

    with fitsio.FITS(path) as file:
        return fitsio.hdu.TableHDU(file._FITS, 1).read()


def _columns(rows):
    return [rows[key].copy() for key in COLUMNS]


def _identity(header):
    return [header[key] for key in ("PLATEID", "MJD", "FIBERID")]


READERS = {  # against: (package, read, note)
    "astropy": ("astropy", read_astropy, "fits.open, whose HDUs are loaded as they are asked for"),
    "fitsio": ("fitsio", read_fitsio, "FITS(path)[1].read(), for which it looks at every HDU"),
    "fitsio, one HDU": ("fitsio", read_fitsio_hdu, "TableHDU of FITS._FITS, an attribute that is not for users"),
    "fitsio, one HDU, rows only": ("fitsio", read_fitsio_table, "the same, no columns made and no identity checked"),
}
