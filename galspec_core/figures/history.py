"""The loss of an encoder's pre-training."""

from galspec_core.figures.style import COLOURS, new_figure


def draw_history(history, encoder):
    """Return a figure of training and validation loss, and learning rate, against the step.

    Parameters
    ----------
    history : DataFrame
        Columns step, train_loss, validation_loss, lr; validation_loss is NaN where nothing was validated.
    """
    figure, (top, bottom) = new_figure(2, 1, size=(6.0, 5.0), sharex=True, height_ratios=[3, 1])
    top.plot(history["step"], history["train_loss"], color=COLOURS[0], lw=1, label="training")
    checked = history.dropna(subset="validation_loss")
    top.plot(checked["step"], checked["validation_loss"], color=COLOURS[1], marker="o", ms=3, lw=1, label="validation")
    if len(checked):
        best = checked.loc[checked["validation_loss"].idxmin()]
        top.annotate(
            f"best {best.validation_loss:.4g}",
            (best.step, best.validation_loss),
            xytext=(0, 12),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    if (history["train_loss"].dropna() > 0).all():
        top.set_yscale("log")
    top.set(ylabel="loss", title=f"Pre-training of the encoder “{encoder}”")
    top.legend(frameon=False)
    bottom.plot(history["step"], history["lr"], color=COLOURS[2], lw=1)
    bottom.set(xlabel="step", ylabel="learning rate")
    return figure
