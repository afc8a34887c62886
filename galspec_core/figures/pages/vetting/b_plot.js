// Drawing on canvas: a panel with axes, curves, and the lines of the galaxy and of one behind it.

const TELLING = ["Hα", "[O III]", "[O II]", "Hβ", "Na D", "Mg b", "Ca K", "[S II]", "[O I]", "[N II]", "Hγ", "Hδ", "[Ne III]"];
const PAD = { left: 46, right: 8, top: 30, bottom: 20 };

function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ink", "soft", "grid", "edge", "flux", "raw", "model", "own", "behind", "near", "sheet"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
}

function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  return { context, width, height };
}

// A panel: where x and y, the ends of its axes (data), lie in a box (pixels).
function panel(context, box, x, y) {
  return {
    context, box, x, y,
    px: (value) => box.left + (value - x[0]) / (x[1] - x[0]) * (box.right - box.left),
    py: (value) => box.bottom - (value - y[0]) / (y[1] - y[0]) * (box.bottom - box.top),
    wave: (pixel) => x[0] + (pixel - box.left) / (box.right - box.left) * (x[1] - x[0]),
  };
}

function niceStep(span, most) {
  const raw = span / most, power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find((times) => times * power >= raw);
}

function axes(p, ink, options = {}) {
  const { context: c, box } = p;
  c.lineWidth = 1;
  c.textBaseline = "middle";
  for (const [range, horizontal, most] of [[p.x, true, options.ticksX || 10], [p.y, false, options.ticksY || 4]]) {
    const step = niceStep(range[1] - range[0], most);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    for (let value = Math.ceil(range[0] / step) * step; value <= range[1] + 1e-9 * step; value += step) {
      const at = Math.round(horizontal ? p.px(value) : p.py(value)) + 0.5;
      c.strokeStyle = ink.grid;
      c.beginPath();
      if (horizontal) { c.moveTo(at, box.top); c.lineTo(at, box.bottom); } else { c.moveTo(box.left, at); c.lineTo(box.right, at); }
      c.stroke();
      c.fillStyle = ink.soft;
      c.textAlign = horizontal ? "center" : "right";
      const text = Math.abs(value) < 1e-9 * step ? "0" : value.toFixed(digits);
      if (!horizontal) c.fillText(text, box.left - 5, at);
      else if (!options.noX) c.fillText(text, at, box.bottom + 10);
    }
  }
  if (options.labelX) {
    c.textAlign = "center";
    c.fillText(options.labelX, (box.left + box.right) / 2, box.bottom + 25);
  }
  if (options.label) {
    c.save();
    c.translate(11, (box.top + box.bottom) / 2);
    c.rotate(-Math.PI / 2);
    c.fillStyle = ink.soft;
    c.textAlign = "center";
    c.fillText(options.label, 0, 0);
    c.restore();
  }
}

function curve(p, waves, values, colour, width = 1) {
  const c = p.context;
  c.save();
  c.beginPath();
  c.rect(p.box.left, p.box.top, p.box.right - p.box.left, p.box.bottom - p.box.top);
  c.clip();
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.lineJoin = "round";
  c.beginPath();
  let down = false;
  for (let i = 0; i < values.length; i++) {
    if (!(waves[i] >= p.x[0] - 50 && waves[i] <= p.x[1] + 50) || values[i] !== values[i]) { down = false; continue; }
    if (down) c.lineTo(p.px(waves[i]), p.py(values[i]));
    else c.moveTo(p.px(waves[i]), p.py(values[i]));
    down = true;
  }
  c.stroke();
  c.restore();
}

function level(p, value, colour, dashed = false) {
  const c = p.context, at = Math.round(p.py(value)) + 0.5;
  c.strokeStyle = colour;
  c.setLineDash(dashed ? [3, 3] : []);
  c.beginPath();
  c.moveTo(p.box.left, at);
  c.lineTo(p.box.right, at);
  c.stroke();
  c.setLineDash([]);
}

// Mark lines, pairs of name and wavelength, at redshift z: `row` 0 or 1 above the panel holds their names, the most telling first, none over another.
function marks(p, lines, z, colour, row, options = {}) {
  const c = p.context;
  c.strokeStyle = colour;
  c.setLineDash(options.dashed ? [4, 3] : []);
  const seen = lines.map(([name, wave]) => [name, wave * (1 + z)]).filter(([, wave]) => wave > p.x[0] && wave < p.x[1]);
  let last = -Infinity;
  for (const [name, wave] of seen) {
    const at = Math.round(p.px(wave)) + 0.5;
    if (!name && Math.abs(at - last) < 4) continue; // a doublet that is one line at this zoom
    last = at;
    c.beginPath();
    c.moveTo(at, p.box.top);
    c.lineTo(at, options.dashed ? p.box.bottom : p.box.top + 9);
    if (!options.dashed) { c.moveTo(at, p.box.bottom); c.lineTo(at, p.box.bottom - 6); }
    c.stroke();
  }
  c.setLineDash([]);
  if (options.named) names(p, seen, colour, p.box.top - 7 - 13 * row);
}

function names(p, seen, colour, y) {
  const c = p.context, taken = [];
  const place = (name) => { const at = TELLING.findIndex((word) => name.startsWith(word)); return at < 0 ? 99 : at; };
  c.fillStyle = colour;
  c.textAlign = "center";
  c.textBaseline = "middle";
  for (const [name, wave] of seen.filter(([word]) => word).sort((a, b) => place(a[0]) - place(b[0]))) {
    const half = c.measureText(name).width / 2 + 3, at = p.px(wave);
    const centre = [at, at + half - 4, at - half + 4].map((x) => Math.min(Math.max(x, p.box.left + half), p.box.right - half))
      .find((x) => taken.every(([low, high]) => x + half < low || x - half > high));
    if (centre === undefined) continue;
    c.fillText(name, centre, y);
    taken.push([centre - half, centre + half]);
  }
}

// Return [low, high] that holds the given share of finite values (already smoothed), with some air.
function range(values, low = 0.005, high = 0.998, air = 0.12) {
  const sorted = Array.from(values).filter((v) => v === v).sort((a, b) => a - b);
  if (!sorted.length) return [0, 1];
  const bottom = sorted[Math.floor(low * (sorted.length - 1))], top = sorted[Math.ceil(high * (sorted.length - 1))];
  const span = Math.max(top - bottom, 1e-3);
  return [bottom - air * span, top + air * span];
}
