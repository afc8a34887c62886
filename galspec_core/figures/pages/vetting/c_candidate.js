// One candidate: spectrum and model, what is left, close-ups of lines, and the nearest known targets.

const view = { zoom: null, smooth: true, behind: DATA.behind, drawn: null, drag: null };
const $ = (id) => document.getElementById(id);
const OWN_WINDOWS = [
  ["[O II]", 3690, 3770], ["Ca K, H", 3900, 4000], ["Hβ, [O III]", 4830, 5040], ["[O I]", 6260, 6390],
  ["[N II], Hα", 6510, 6625], ["[S II]", 6690, 6760],
];
// [name, wavelength] of the lines behind; of a doublet the first has the name, as in DATA.lines
const BEHIND = Object.entries(DATA.background).flatMap(([name, waves]) => waves.map((wave, i) => [i ? "" : name, wave]));
const OBSERVED = "observed wavelength (Å)"; // of the lower panel, or of the only one
const HALF = 60; // Angstrom on either side of a line behind

const isDrawn = () => view.shown?.one === view.drawn; // not while a spectrum is unpacked
const fixed = (value, digits) => (value === null ? "–" : value.toFixed(digits));
const showsBehind = (one) => view.behind && one.z_behind !== null;
const boxOf = (width, height, pad = {}) => {
  const all = { ...PAD, ...pad };
  return { left: all.left, right: width - all.right, top: all.top, bottom: height - all.bottom };
};

async function drawCandidate(one) {
  view.drawn = one;
  const spectrum = await spectrumOf(one);
  const targets = await Promise.all(one.near.map(([index]) => targetOf(DATA.targets[index])));
  if (view.drawn !== one) return; // another was chosen while this one was unpacked
  const waves = Float64Array.from(spectrum.flux, (_, i) => observedWave(spectrum.start + i, one.z));
  const shown = { one, spectrum, waves, targets, ink: colours() };
  shown.x = view.zoom || [waves[0], waves[waves.length - 1]];
  view.shown = shown;
  drawSpectrum(shown);
  drawResidual(shown);
  drawWindows(shown);
  drawNear(shown);
  document.body.dataset.drawn = one.id;
}

function inside(shown, values) {
  return values.filter((_, i) => shown.waves[i] >= shown.x[0] && shown.waves[i] <= shown.x[1]);
}

function drawSpectrum(shown) {
  const { one, spectrum, waves, ink } = shown;
  const { context, width, height } = prepare($("spectrum"));
  const flux = view.smooth ? smooth(spectrum.flux, 2) : spectrum.flux;
  const p = panel(context, boxOf(width, height, DATA.model ? {} : { bottom: 34 }), shown.x, range(inside(shown, flux)));
  shown.panel = p;
  axes(p, ink, { label: "flux / median", ...(DATA.model ? { noX: true } : { labelX: OBSERVED }) });
  if (view.smooth) curve(p, waves, spectrum.flux, ink.raw, 0.6);
  curve(p, waves, flux, ink.flux, 1);
  if (DATA.model) curve(p, waves, spectrum.model, ink.model, 1.3);
  drawMarks(p, shown, true);
  $("spectrum").setAttribute("aria-label", `Spectrum of ${one.name} at redshift ${one.z.toFixed(4)}. ${one.reason}`);
}

function drawMarks(p, { one, ink }, named) {
  marks(p, DATA.lines, one.z, ink.own, 0, { named });
  if (showsBehind(one)) marks(p, BEHIND, one.z_behind, ink.behind, 1, { named, dashed: true });
}

function drawResidual(shown) {
  const { one, spectrum, waves, ink } = shown;
  $("residual").hidden = !DATA.model;
  if (!DATA.model) return;
  const { context, width, height } = prepare($("residual"));
  const mean = smooth(spectrum.residual, 2);
  const [low, high] = range(inside(shown, mean), 0.002, 1, 0.25);
  const p = panel(context, boxOf(width, height, { top: 8, bottom: 34 }), shown.x, [Math.min(low, -4), Math.max(high, 5)]);
  axes(p, ink, { label: "residual / error", labelX: OBSERVED });
  curve(p, waves, spectrum.residual, ink.raw, 0.6);
  curve(p, waves, mean, ink.flux, 1);
  level(p, 0, ink.soft);
  drawMarks(p, shown, false);
  $("residual").setAttribute("aria-label", `What the model leaves of ${one.name}, in units of its error`);
}

// Return [title, low, high] (observed Angstrom) of the close-ups of a candidate that its spectrum covers.
function windowsOf({ one, waves }) {
  const wanted = showsBehind(one)
    ? Object.entries(DATA.background).map(([name, [wave]], i) => {
      const centre = wave * (1 + one.z_behind), snr = one.lines_behind[i];
      return [`${name}: ${snr ? snr.toFixed(1) + " σ" : "–"}`, centre - HALF, centre + HALF];
    })
    : OWN_WINDOWS.map(([name, low, high]) => [name, low * (1 + one.z), high * (1 + one.z)]);
  return wanted.filter(([, low, high]) => low > waves[0] && high < waves[waves.length - 1]);
}

function drawWindows(shown) {
  const { one, spectrum, waves, ink } = shown;
  const { context, width, height } = prepare($("windows"));
  const behind = showsBehind(one) && DATA.model;
  const chosen = windowsOf(shown);
  $("windows-caption").textContent = behind
    ? `Residual / error at the lines of a galaxy at z ${one.z_behind.toFixed(4)} (mean of 3 pixels), Å observed`
    : `Flux ${DATA.model ? "and model " : ""}at the galaxy's own lines, Å observed`;
  $("windows").setAttribute("aria-label", chosen.map(([title]) => title).join(", ") || "no line is covered");
  const each = width / Math.max(chosen.length, 3); // of few, none is stretched
  chosen.forEach(([title, low, high], i) => {
    const box = { left: i * each + 34, right: (i + 1) * each - 14, top: 18, bottom: height - 18 };
    const part = waves.reduce((all, wave, j) => (wave >= low && wave <= high ? [...all, j] : all), []);
    const cut = (values) => Float32Array.from(part, (j) => values[j]);
    const x = Float64Array.from(part, (j) => waves[j]);
    const raw = cut(behind ? spectrum.residual : spectrum.flux);
    const line = behind ? smooth(raw, 1) : raw;
    const both = DATA.model && !behind ? [...line, ...cut(spectrum.model)] : line;
    const y = range(both, 0, 1, 0.15);
    const p = panel(context, box, [low, high], behind ? [Math.min(y[0], -4), Math.max(y[1], 5)] : y);
    axes(p, ink, { ticksX: Math.max(2, Math.round(each / 90)), ticksY: 3 });
    if (behind) { level(p, 0, ink.soft); curve(p, x, raw, ink.raw, 0.8); }
    curve(p, x, line, ink.flux, 1.1);
    if (DATA.model && !behind) curve(p, x, cut(spectrum.model), ink.model, 1.3);
    if (behind) marks(p, BEHIND, one.z_behind, ink.behind, 0, { dashed: true });
    else marks(p, DATA.lines, one.z, ink.own, 0);
    context.fillStyle = behind ? ink.behind : ink.own;
    context.textAlign = "center";
    context.fillText(title, (i + 0.5) * each, 8, each - 10);
  });
}

function drawNear(shown) {
  const { one, spectrum, ink, targets } = shown;
  const { context, width, height } = prepare($("near"));
  const own = binned(spectrum, one.z);
  const each = width / Math.max(targets.length, 3);
  $("near-caption").replaceChildren(
    key("flux", "this candidate"), key("near", `the nearest known ${DATA.target} spectra, Å in the rest frame; d: distance in the embedding`));
  $("near").setAttribute("aria-label", one.near.map(([index, d]) => `${DATA.targets[index].name} at distance ${d.toFixed(2)}`).join(", "));
  targets.forEach((target, i) => {
    const [index, d] = one.near[i], facts = DATA.targets[index];
    const waves = Float64Array.from(target.flux, (_, j) => restWave(target.start + (j + 0.5) * STEP.bin, facts.z));
    const x = [Math.max(own.waves[0], waves[0]), Math.min(own.waves[own.waves.length - 1], waves[waves.length - 1])];
    const seen = [...own.flux.filter((_, j) => own.waves[j] > x[0] && own.waves[j] < x[1]),
      ...target.flux.filter((_, j) => waves[j] > x[0] && waves[j] < x[1])];
    const box = { left: i * each + 34, right: (i + 1) * each - 14, top: 20, bottom: height - 18 };
    const p = panel(context, box, x, range(seen, 0.003, 0.997, 0.1));
    axes(p, ink, { ticksX: 4, ticksY: 3 });
    curve(p, own.waves, own.flux, ink.flux, 1);
    curve(p, waves, target.flux, ink.near, 1);
    context.fillStyle = ink.near;
    context.textAlign = "center";
    context.fillText(`${facts.name}  ${facts.label}  z ${facts.z.toFixed(3)}  d ${d.toFixed(2)}`, (i + 0.5) * each, 9, each - 10);
  });
}

function binned(spectrum, z) {
  const n = Math.floor(spectrum.n / STEP.bin);
  const waves = new Float64Array(n), flux = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    waves[i] = restWave(spectrum.start + (i + 0.5) * STEP.bin, z);
    let sum = 0, count = 0;
    for (let j = i * STEP.bin; j < (i + 1) * STEP.bin; j++) {
      if (spectrum.flux[j] === spectrum.flux[j]) { sum += spectrum.flux[j]; count++; }
    }
    flux[i] = count ? sum / count : NaN;
  }
  return { waves, flux };
}

function key(kind, text) {
  const span = document.createElement("span");
  span.className = "key " + kind;
  span.textContent = text;
  return span;
}

function zoomTo(low, high) {
  if (!isDrawn()) return;
  const { waves } = view.shown;
  const first = waves[0], last = waves[waves.length - 1];
  const span = Math.min(Math.max(high - low, 40), last - first);
  const start = Math.min(Math.max(low, first), last - span);
  view.zoom = span >= last - first ? null : [start, start + span];
  drawCandidate(view.drawn);
}

function zoomBy(factor, move = 0) {
  if (!isDrawn()) return;
  const [low, high] = view.shown.x, span = high - low, centre = (low + high) / 2 + move * span;
  zoomTo(centre - span * factor / 2, centre + span * factor / 2);
}
