"use strict";
// Spectra as they were packed (vetting.py): zlib over byte planes of zigzag numbers; unpacked when they are asked for.

const DATA = JSON.parse(document.getElementById("data").textContent);
const STEP = DATA.steps;
const unpacked = new Map();
const KEPT_SPECTRA = 60;

async function inflate(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function numbers(bytes, n, part, summed) {
  const values = new Int16Array(n);
  const low = 2 * part * n;
  const high = low + n;
  let before = 0;
  for (let i = 0; i < n; i++) {
    const code = bytes[low + i] | (bytes[high + i] << 8);
    const value = (code >>> 1) ^ -(code & 1);
    before = summed ? (before + value) << 16 >> 16 : value;
    values[i] = before;
  }
  return values;
}

// Return {start, flux, model, residual, error}: pixels from `start` of the grid on, NaN where nothing was measured.
async function spectrumOf(one) {
  const key = "s" + one.id;
  if (unpacked.has(key)) return unpacked.get(key);
  const bytes = await inflate(one.data);
  const n = one.n;
  const codes = [numbers(bytes, n, 0, true), numbers(bytes, n, 1, false), numbers(bytes, n, 2, true)];
  const found = { start: one.start, n };
  for (const name of ["flux", "model", "residual", "error"]) found[name] = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const good = codes[2][i] > STEP.bad;
    found.model[i] = codes[0][i] * STEP.model;
    found.error[i] = good ? Math.exp(codes[2][i] * STEP.error) : NaN;
    found.residual[i] = good ? codes[1][i] * STEP.residual : NaN;
    found.flux[i] = found.model[i] + found.residual[i] * found.error[i];
  }
  return remember(key, found);
}

// Return {start, n, flux} of a known target: means of STEP.bin pixels.
async function targetOf(one) {
  const key = "t" + one.id;
  if (unpacked.has(key)) return unpacked.get(key);
  const bytes = await inflate(one.data);
  const flux = Float32Array.from(numbers(bytes, one.n, 0, true), (code) => code * STEP.model);
  return remember(key, { start: one.start, n: one.n, flux });
}

function remember(key, found) {
  if (unpacked.size >= KEPT_SPECTRA) unpacked.delete(unpacked.keys().next().value);
  unpacked.set(key, found);
  return found;
}

// Wavelength (Angstrom) of pixel i of the grid: observed, and in the rest frame of a galaxy at z.
const gridWave = DATA.grid.spacing === "log"
  ? (i) => 10 ** (Math.log10(DATA.grid.first) + i * DATA.grid.step)
  : (i) => DATA.grid.first + i * DATA.grid.step;
const observedWave = (i, z) => gridWave(i) * (DATA.grid.frame === "rest" ? 1 + z : 1);
const restWave = (i, z) => gridWave(i) / (DATA.grid.frame === "rest" ? 1 : 1 + z);

// Running mean over 2 * half + 1 pixels, gaps left out.
function smooth(values, half) {
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    let sum = 0, n = 0;
    for (let j = Math.max(0, i - half); j <= Math.min(values.length - 1, i + half); j++) {
      if (values[j] === values[j]) { sum += values[j]; n++; }
    }
    out[i] = n && values[i] === values[i] ? sum / n : NaN;
  }
  return out;
}
