// What is drawn: the points, and one spectrum.

const element = (id) => document.getElementById(id);
const canvas = element("map");
const state = {
  colour: "class", x: (LEFT + RIGHT) / 2, y: (BOTTOM + TOP) / 2, zoom: 1, chosen: -1, over: -1,
  hidden: new Set(), bright: new Set(), legend: null,
};
let codes = new Uint8Array(N), palette = [], waiting = false;

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const isDark = () => document.documentElement.dataset.theme === "dark";

// Return the size of a canvas in CSS pixels with its context, scaled for the screen.
function fit(target) {
  const ratio = window.devicePixelRatio || 1, width = target.clientWidth, height = target.clientHeight;
  if (target.width !== Math.round(width * ratio) || target.height !== Math.round(height * ratio)) {
    target.width = Math.round(width * ratio);
    target.height = Math.round(height * ratio);
  }
  const context = target.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

// Return pixels per unit of the map: all of it fits at zoom 1.
function scale() {
  const wide = Math.max(RIGHT - LEFT, 1e-6), high = Math.max(TOP - BOTTOM, 1e-6);
  return 0.92 * state.zoom * Math.min(canvas.clientWidth / wide, (canvas.clientHeight - 24) / high);
}
const toPixel = (x, y) => [canvas.clientWidth / 2 + (x - state.x) * scale(), canvas.clientHeight / 2 - (y - state.y) * scale()];
const toMap = (px, py) => [state.x + (px - canvas.clientWidth / 2) / scale(), state.y - (py - canvas.clientHeight / 2) / scale()];
const visible = (i) => !state.hidden.has(state.legend.values[i]);

// Give every point a colour of the palette.
function recolour() {
  const entry = column(state.colour);
  codes = new Uint8Array(N);
  if (entry.kind === "category") {
    palette = categoryColours(entry, css("--ink"));
    codes.set(entry.values);
    return;
  }
  const [low, high] = (entry.limits ||= limits(entry.values));
  palette = [...rampColours(isDark()), GREY];
  for (let i = 0; i < N; i++) {
    const share = (entry.values[i] - low) / (high - low);
    codes[i] = Number.isFinite(share) ? Math.max(0, Math.min(STEPS - 1, Math.round(share * (STEPS - 1)))) : STEPS;
  }
}

function drawPoints() {
  const { context, width, height } = fit(canvas);
  const many = N > 20000, size = (many ? 1.5 : N > 4000 ? 2.6 : 4) * Math.min(3, Math.sqrt(state.zoom));
  const s = scale(), x0 = width / 2 - state.x * s, y0 = height / 2 + state.y * s;
  const groups = palette.map(() => []);
  const dim = [];
  for (let i = 0; i < N; i++) {
    if (!visible(i)) continue;
    const px = x0 + X[i] * s, py = y0 - Y[i] * s;
    if (px < -9 || py < -9 || px > width + 9 || py > height + 9) continue;
    (state.bright.size && !state.bright.has(state.legend.values[i]) ? dim : groups[codes[i]]).push(px, py);
  }
  drawGroup(context, dim, GREY, size, 0.18);
  const order = groups.map((_, k) => k).sort((a, b) => groups[b].length - groups[a].length);
  for (const k of order) drawGroup(context, groups[k], palette[k], size, palette[k] === GREY ? 0.45 : 0.85);
  for (const [i, radius] of [[state.over, 6], [state.chosen, 9]]) if (i >= 0) ring(context, i, radius);
}

function drawGroup(context, places, colour, size, alpha) {
  context.fillStyle = colour;
  context.globalAlpha = alpha;
  const round = places.length < 20000;
  for (let k = 0; k < places.length; k += 2) {
    if (!round) { context.fillRect(places[k] - size / 2, places[k + 1] - size / 2, size, size); continue; }
    context.beginPath();
    context.arc(places[k], places[k + 1], size / 2 + 0.4, 0, 6.2832);
    context.fill();
  }
  context.globalAlpha = 1;
}

function ring(context, i, radius) {
  const [px, py] = toPixel(X[i], Y[i]);
  context.lineWidth = 2;
  context.strokeStyle = css("--ink");
  context.beginPath();
  context.arc(px, py, radius, 0, 6.2832);
  context.stroke();
}

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; drawPoints(); });
}

// Return the flux of a spectrum, NaN where it has none.
function fluxOf(i) {
  const n = SPECTRA.wave.length, step = (SPECTRA.high[i] - SPECTRA.low[i]) / 254;
  return Array.from({ length: n }, (_, k) => {
    const value = SPECTRA.values[i * n + k];
    return value === 255 ? NaN : SPECTRA.low[i] + value * step;
  });
}

function drawSpectrum(i) {
  const { context, width, height } = fit(element("flux"));
  const flux = fluxOf(i), seen = flux.map((_, k) => k).filter((k) => Number.isFinite(flux[k]));
  if (!seen.length) return;
  const from = SPECTRA.wave[seen[0]], to = SPECTRA.wave[seen[seen.length - 1]];
  const [low, high] = [Math.min(0, SPECTRA.low[i]), SPECTRA.high[i]];
  const px = (wave) => 30 + ((wave - from) / (to - from || 1)) * (width - 36);
  const py = (value) => height - 32 - ((value - low) / (high - low || 1)) * (height - 40);
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = css("--soft");
  context.strokeStyle = css("--line");
  context.lineWidth = 1;
  const every = to - from > 3000 ? 1000 : 500;
  context.textAlign = "center";
  for (let wave = Math.ceil(from / every) * every; wave <= to; wave += every) {
    context.beginPath(); context.moveTo(px(wave), 4); context.lineTo(px(wave), height - 32); context.stroke();
    context.fillText(wave, px(wave), height - 18);
  }
  context.fillText(`${SPECTRA.frame} wavelength (Å)`, width / 2, height - 4);
  context.textAlign = "right";
  for (const value of [low, high]) context.fillText(show(Number(value.toPrecision(2))), 27, py(value) + 4);
  context.strokeStyle = css("--accent");
  context.beginPath();
  let open = false;
  flux.forEach((value, k) => {
    if (!Number.isFinite(value)) { open = false; return; }
    if (open) context.lineTo(px(SPECTRA.wave[k]), py(value));
    else context.moveTo(px(SPECTRA.wave[k]), py(value));
    open = true;
  });
  context.stroke();
}
