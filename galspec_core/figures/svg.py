"""Small plots as SVG: an axis that knows where a number lies, lines through numbers with holes, ticks."""

from dataclasses import dataclass

import numpy as np

from galspec_core.figures.markup import tag

TICKS = 6  # at most, on an axis
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Axes:
    """A plot's area in pixels (left, top, width, height) and what it shows: ``x`` and ``y`` are (lowest, highest)."""

    left: float
    top: float
    width: float
    height: float
    x: tuple
    y: tuple

    def at(self, x, y):
        """Return where points lie in pixels: two arrays."""
        across = (np.asarray(x, dtype="f8") - self.x[0]) / (self.x[1] - self.x[0])
        up = (np.asarray(y, dtype="f8") - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + self.width * across, self.top + self.height * (1 - up)

    def line(self, x, y, **attributes):
        """Return a line through points, broken where one is not finite; what is beyond the area lies on its edge."""
        across, down = self.at(x, y)
        down = np.clip(down, self.top, self.top + self.height)
        words, pen = [], "M"
        for one, other in zip(across.tolist(), down.tolist(), strict=True):
            if one != one or other != other:
                pen = "M"
                continue
            words.append(f"{pen}{one:.1f} {other:.1f}")
            pen = "L"
        return tag("path", d="".join(words) or "M0 0", fill="none", **attributes)

    def frame(self, x_label="", y_label="", x_ticks=True):
        """Return the axes' lines, ticks and names."""
        bottom, right = self.top + self.height, self.left + self.width
        parts = [tag("path", d=f"M{self.left} {self.top}V{bottom}H{right}", fill="none", class_="axis")]
        for value in ticks(*self.x) if x_ticks else ():
            x = float(self.at(value, self.y[0])[0])
            parts.append(tag("path", d=f"M{x:.1f} {bottom}v5", class_="axis"))
            parts.append(tag("text", f"{value:g}", x=f"{x:.1f}", y=bottom + 18, text_anchor="middle"))
        for value in ticks(*self.y):
            y = float(self.at(self.x[0], value)[1])
            parts.append(tag("path", d=f"M{self.left} {y:.1f}h-5", class_="axis"))
            parts.append(tag("text", f"{value:g}", x=self.left - 8, y=f"{y + 4:.1f}", text_anchor="end"))
        middle = self.top + self.height / 2
        turned = f"rotate(-90 14 {middle})"
        parts.append(tag("text", y_label, x=14, y=middle, text_anchor="middle", transform=turned))
        parts.append(tag("text", x_label, x=self.left + self.width / 2, y=bottom + 36, text_anchor="middle"))
        return tag("g", *parts)


def ticks(low, high):
    """Return round numbers between two, TICKS at most."""
    rough = (high - low) / TICKS
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(step * power for step in STEPS if step * power >= rough * (1 - 1e-9))
    return [round(step * i, 10) for i in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]
