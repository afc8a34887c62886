"""Spectra by name from a SAS root: plate, mjd and fiberid say where, but for the reduction, which is looked for."""

from galspec_core.errors import FetchError, SpectrumError
from galspec_core.paths import spec_path
from galspec_core.sas import fetch_many
from galspec_core.spectra.names import possible_run2d
from galspec_core.spectra.own import read_sdss


def fetch_named(fibres, root, config, known=None, others=()):
    """Return the Own of each of ``fibres``, or the error in its place.

    Parameters
    ----------
    fibres : list of (int, int, int, str or None)
        plate, mjd, fiberid, and the reduction where the name says it.
    root : SAS root
        As :func:`galspec_core.sas.open_root` gives it.
    config : FetchConfig
    known : dict, optional
        {(plate, mjd, fiberid): run2d} of a catalogue, believed before all else.
    others : iterable of str
        Reductions that the survey holds beside the usual ones.
    """
    waiting = {i: _reductions(fibre, known or {}, others) for i, fibre in enumerate(fibres)}
    found = {}
    while waiting:
        asked = [(i, run2ds.pop(0)) for i, run2ds in waiting.items()]
        paths = [spec_path(run2d, *fibres[i][:3]) for i, run2d in asked]
        for place, content in _contents(root, paths, config):
            i = asked[place][0]
            found[i] = _read(content, paths[place], fibres[i][:3])
            missing = isinstance(found[i], FetchError) and found[i].reason == "missing"
            if missing and not waiting[i]:
                name = "-".join(map(str, fibres[i][:3]))
                tried = f"reductions {', '.join(_reductions(fibres[i], known or {}, others))} were looked in"
                found[i] = FetchError("the archive has no such spectrum", reason="missing", item=name, got=tried)
            if not (missing and waiting[i]):
                del waiting[i]
    return [found[i] for i in range(len(fibres))]


def _reductions(fibre, known, others):
    plate, mjd, fiberid, run2d = fibre
    likely = [name for name in (known.get((plate, mjd, fiberid)), run2d) if name]
    return list(dict.fromkeys([*likely, *possible_run2d(plate, others)]))


def _contents(root, paths, config):
    """Yield (index, bytes or error) of every path, also behind a server that went down."""
    left = set(range(len(paths)))
    try:
        for i, content in fetch_many(root, paths, config):
            left.discard(i)
            yield i, content
    except FetchError as error:
        for i in left:
            yield i, error


def _read(content, path, identity):
    if isinstance(content, Exception):
        return content
    try:
        return read_sdss(content, path.rpartition("/")[2], identity)
    except SpectrumError as error:
        return error
