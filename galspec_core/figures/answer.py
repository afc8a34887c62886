"""One answer as a figure: the spectrum over the neighbours that count most, and what is left without their mean."""

from galspec_core.figures.overlay import make_curves, value_limits
from galspec_core.figures.style import COLOURS, mark_lines, new_figure


def draw_answer(answer, spectra, neighbours=3):
    """Return the figure of an Answer; ``spectra`` is {specobjid: (rest wavelengths [L], flux[L], ivar[L])} of its neighbours."""
    curves = make_curves(answer, spectra)
    figure, (above, below) = new_figure(2, 1, size=(9, 4.8), sharex=True, height_ratios=(3, 1))
    own = f" {answer.name}" if answer.name.startswith("_") else answer.name  # matplotlib would list no such name
    above.plot(curves.wave, curves.own, color="black", lw=0.9, label=own, zorder=3)
    rows = zip(curves.near[:neighbours], answer.neighbours.to_dict("records"), COLOURS, strict=False)
    for flux, row, colour in rows:
        text = f"{row['class']}, z {row['z']:.3f}, distance {row['distance']:.2f}, weight {row['weight']:.3f}"
        above.plot(curves.wave, flux, color=colour, lw=0.7, alpha=0.85, label=text)
    above.set(ylabel="flux / median", ylim=value_limits(curves.own, curves.near[:neighbours]), xlim=curves.limits)
    below.axhline(0, color="0.8", lw=0.6)
    below.plot(curves.wave, curves.left, color="black", lw=0.6)
    below.set(ylabel="left over", ylim=value_limits(curves.left, around=0.0), xlabel="rest wavelength (Å, vacuum)")
    mark_lines(above, *curves.limits)
    for text in (*above.legend(fontsize=7, loc="lower right").get_texts(), figure.suptitle(answer.verdict, fontsize=9)):
        text.set_parse_math(False)  # names may hold $
    return figure
