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

// The order in which points are drawn: mixed, so that no class or value lies on top of all others. The same every time.
const ORDER = Uint32Array.from({ length: N }, (_, i) => i);
for (let i = N - 1, seed = 1; i > 0; i--) {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  const k = seed % (i + 1);
  [ORDER[i], ORDER[k]] = [ORDER[k], ORDER[i]];
}

function drawPoints() {
  const { context, width, height } = fit(canvas);
  const many = N > 20000, size = (many ? 1.5 : N > 4000 ? 2.6 : 4) * Math.min(3, Math.sqrt(state.zoom));
  const s = scale(), x0 = width / 2 - state.x * s, y0 = height / 2 + state.y * s;
  const paint = (many ? squares : discs)(context, size);
  const passes = [[], [], []]; // dimmed, grey, coloured
  for (const i of ORDER) {
    if (!visible(i)) continue;
    const px = x0 + X[i] * s, py = y0 - Y[i] * s;
    if (px < -9 || py < -9 || px > width + 9 || py > height + 9) continue;
    const dim = state.bright.size && !state.bright.has(state.legend.values[i]);
    passes[dim ? 0 : palette[codes[i]] === GREY ? 1 : 2].push(i, px, py);
  }
  passes.forEach((points, pass) => {
    for (let k = 0; k < points.length; k += 3) {
      paint.point(points[k + 1], points[k + 2], pass ? palette[codes[points[k]]] : GREY, [0.18, 0.45, 0.85][pass]);
    }
  });
  paint.done();
  for (const [i, radius] of [[state.over, 6], [state.chosen, 9]]) if (i >= 0) ring(context, i, radius);
}

function discs(context, size) {
  const point = (px, py, colour, alpha) => {
    context.globalAlpha = alpha;
    context.fillStyle = colour;
    context.beginPath();
    context.arc(px, py, size / 2 + 0.4, 0, 6.2832);
    context.fill();
  };
  return { point, done: () => { context.globalAlpha = 1; } };
}

// Squares of screen pixels, written straight into the picture: quick enough for all points at every move.
function squares(context, size) {
  const ratio = window.devicePixelRatio || 1, side = Math.max(1, Math.round(size * ratio));
  const picture = context.createImageData(context.canvas.width, context.canvas.height), { data, width, height } = picture;
  const known = new Map();
  const point = (px, py, colour, alpha) => {
    if (!known.has(colour)) known.set(colour, rgb(colour));
    const [red, green, blue] = known.get(colour), left = Math.round(px * ratio - side / 2), top = Math.round(py * ratio - side / 2);
    for (let y = Math.max(0, top); y < Math.min(height, top + side); y++) {
      for (let x = Math.max(0, left); x < Math.min(width, left + side); x++) {
        const at = 4 * (y * width + x), under = (data[at + 3] / 255) * (1 - alpha), all = alpha + under;
        data[at] = (red * alpha + data[at] * under) / all;
        data[at + 1] = (green * alpha + data[at + 1] * under) / all;
        data[at + 2] = (blue * alpha + data[at + 2] * under) / all;
        data[at + 3] = 255 * all;
      }
    }
  };
  return { point, done: () => context.putImageData(picture, 0, 0) };
}

// Return red, green and blue of #rrggbb or rgb(r,g,b).
function rgb(colour) {
  return colour.startsWith("#")
    ? [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16))
    : colour.match(/\d+/g).map(Number);
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
    if (px(wave) < width - 16) context.fillText(wave, px(wave), height - 18);
  }
  context.fillText(`${SPECTRA.frame} wavelength (Å)`, width / 2, height - 4);
  context.save();
  context.translate(12, height / 2 - 14);
  context.rotate(-Math.PI / 2);
  context.fillText("flux / median", 0, 0);
  context.restore();
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
