"use strict";
// What the page holds: unpacked columns, names, colours, and a grid that finds the point nearest to a place.

function bytesOf(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes.buffer;
}

const given = JSON.parse(document.getElementById("data").textContent);
const N = given.n;
const X = new Float32Array(bytesOf(given.points.x)), Y = new Float32Array(bytesOf(given.points.y));
const IDS = new BigUint64Array(bytesOf(given.points.specobjid));
const [PLATE, MJD, FIBER] = ["plate", "mjd", "fiberid"].map((key) => new Int32Array(bytesOf(given.points[key])));
const RAMP = new Uint8Array(bytesOf(given.ramp));
const COLUMNS = given.columns.map((column) => ({
  ...column,
  values: column.kind === "number" ? new Float32Array(bytesOf(column.data)) : new Uint8Array(bytesOf(column.data)),
}));
const SPECTRA = given.spectra && {
  frame: given.spectra.frame,
  wave: new Float32Array(bytesOf(given.spectra.wave)),
  values: new Uint8Array(bytesOf(given.spectra.values)),
  low: new Float32Array(bytesOf(given.spectra.low)),
  high: new Float32Array(bytesOf(given.spectra.high)),
};
// Okabe & Ito 2008 (black is white on a dark page), then more; ink is what the page writes with
const CATEGORIES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "ink", "#8C6D31", "#F0E442",
  "#7F3C8D", "#7A7A7A", "#B0B0B0"];
const MUTED = new Set(["unlabelled", "none", "other"]);
const GREY = "#9AA2AB";
const STEPS = 64; // of the colour bar

function column(name) {
  return COLUMNS.find((entry) => entry.name === name);
}

// Return the name of a spectrum, as spectra/names.py spells it.
function nameOf(i) {
  if (!MJD[i]) return String(IDS[i]);
  const wide = (number, digits) => String(number).padStart(digits, "0");
  return `${wide(PLATE[i], 4)}-${wide(MJD[i], 5)}-${wide(FIBER[i], 4)}`;
}

function show(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

function valueOf(entry, i) {
  return entry.kind === "number" ? show(entry.values[i]) : entry.categories[entry.values[i]];
}

// Return the row of a spectrum named plate-mjd-fiber or by its specobjid, -1 where there is none.
function find(text) {
  const parts = text.trim().split(/[-\s]+/).map(Number);
  if (parts.length === 3) {
    for (let i = 0; i < N; i++) if (PLATE[i] === parts[0] && MJD[i] === parts[1] && FIBER[i] === parts[2]) return i;
    return -1;
  }
  return /^\d+$/.test(text.trim()) ? IDS.indexOf(BigInt(text.trim())) : -1;
}

function categoryColours(entry, ink) {
  let next = 0;
  return entry.categories.map((word) => {
    if (MUTED.has(word)) return GREY;
    const colour = CATEGORIES[next++ % CATEGORIES.length];
    return colour === "ink" ? ink : colour;
  });
}

// Return the colours of the bar without the end that the page's own colour swallows.
function rampColours(dark) {
  const [first, last] = dark ? [40, 255] : [0, 235];
  return Array.from({ length: STEPS }, (_, k) => {
    const at = 3 * Math.round(first + (k * (last - first)) / (STEPS - 1));
    return `rgb(${RAMP[at]},${RAMP[at + 1]},${RAMP[at + 2]})`;
  });
}

// Return the limits of a column's colours: all but its lowest and highest hundredth.
function limits(values) {
  const finite = values.filter(Number.isFinite).sort();
  if (!finite.length) return [0, 1];
  const at = (share) => finite[Math.round(share * (finite.length - 1))];
  const [low, high] = [at(0.01), at(0.99)];
  return low < high ? [low, high] : [low - 0.5, low + 0.5];
}

function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  return [low, high];
}

const [LEFT, RIGHT] = extent(X), [BOTTOM, TOP] = extent(Y);
const CELLS = Math.max(1, Math.min(256, Math.round(Math.sqrt(N / 2))));
const SIDE = Math.max(RIGHT - LEFT, TOP - BOTTOM, 1e-6) / CELLS;
const GRID = new Map();
const cellOf = (x, y) => Math.floor((x - LEFT) / SIDE) + 4096 * Math.floor((y - BOTTOM) / SIDE);
for (let i = 0; i < N; i++) {
  const cell = cellOf(X[i], Y[i]);
  if (GRID.has(cell)) GRID.get(cell).push(i);
  else GRID.set(cell, [i]);
}

// Return the visible point nearest to (x, y) within a radius, -1 where there is none.
function nearest(x, y, radius, visible) {
  let best = -1, least = radius * radius;
  const try_ = (i) => {
    const d = (X[i] - x) ** 2 + (Y[i] - y) ** 2;
    if (d <= least && visible(i)) { least = d; best = i; }
  };
  if (radius > 20 * SIDE) { for (let i = 0; i < N; i++) try_(i); return best; }
  for (let cx = x - radius; cx < x + radius + SIDE; cx += SIDE) {
    for (let cy = y - radius; cy < y + radius + SIDE; cy += SIDE) (GRID.get(cellOf(cx, cy)) || []).forEach(try_);
  }
  return best;
}
