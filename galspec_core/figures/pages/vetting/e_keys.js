// Keys, the pointer, and the export of the marks.

const EXPORTED = ["specobjid", "plate", "mjd", "fiberid", "ra", "dec", "z", "label", "note", "rank", "score", "task", "target"];
const KEYS = {
  k: () => mark("keep"), d: () => mark("drop"), u: () => mark("unsure"), x: () => mark(""),
  j: () => go(at + 1), n: () => go(at + 1), ArrowDown: () => go(at + 1), ArrowRight: () => go(at + 1),
  p: () => go(at - 1), ArrowUp: () => go(at - 1), ArrowLeft: () => go(at - 1),
  Home: () => go(0), End: () => go(order.length - 1), PageDown: () => go(at + 10), PageUp: () => go(at - 10),
  m: nextUnmarked, e: exportMarks, "?": () => $("help").showModal(), "/": () => $("find").focus(), c: () => $("note").focus(),
  "+": () => zoomBy(0.5), "=": () => zoomBy(0.5), "-": () => zoomBy(2), "[": () => zoomBy(1, -0.25), "]": () => zoomBy(1, 0.25),
  0: () => { view.zoom = null; drawCandidate(view.drawn); },
  b: () => toggle("behind"), s: () => toggle("smooth"),
};

function toggle(name) {
  view[name] = !view[name];
  describe(order[at]);
  drawCandidate(order[at]);
}

function field(value) {
  const text = String(value ?? "");
  return /[",\n\r#]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv() {
  if (keeps) store = readMarks();
  const marked = [...DATA.candidates.filter((one) => store[one.id]), ...unlisted().map((id) => ({ id }))];
  const rows = marked.map((one) => (
    { ...one, specobjid: one.id, label: markOf(one), note: noteOf(one), task: DATA.task, target: DATA.target }));
  return [EXPORTED.join(","), ...rows.map((one) => EXPORTED.map((name) => field(one[name])).join(","))].join("\n") + "\n";
}

function exportMarks() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = `${DATA.task}_marks.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

document.addEventListener("keydown", (event) => {
  const writes = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.key === "Escape" && writes) { $("list").focus(); return; }
  if (writes || event.ctrlKey || event.metaKey || event.altKey || $("help").open || !KEYS[event.key] || !order.length && event.key !== "/") return;
  event.preventDefault();
  KEYS[event.key]();
});

for (const id of FILTERS) $(id).addEventListener("input", () => arrange());
$("list").addEventListener("scroll", drawRows);
$("export").addEventListener("click", exportMarks);
$("help-button").addEventListener("click", () => $("help").showModal());
$("note").addEventListener("input", () => { setMark(order[at], { note: $("note").value }); drawRows(); });
for (const button of document.querySelectorAll("[data-mark]")) button.addEventListener("click", () => mark(button.dataset.mark));

const canvas = $("spectrum");
const waveAt = (event) => view.shown.panel.wave(event.clientX - canvas.getBoundingClientRect().left);
canvas.addEventListener("pointerdown", (event) => {
  if (!isDrawn()) return;
  view.drag = waveAt(event);
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (!isDrawn()) return;
  const wave = waveAt(event);
  $("readout").textContent = `${wave.toFixed(1)} Å, rest ${(wave / (1 + view.drawn.z)).toFixed(1)} Å`;
});
canvas.addEventListener("pointerup", (event) => {
  const from = view.drag;
  view.drag = null;
  if (from === null || !isDrawn()) return; // pressed elsewhere, or on another spectrum
  const [low, high] = [from, waveAt(event)].sort((a, b) => a - b);
  if (high - low > 15) zoomTo(low, high);
});
canvas.addEventListener("pointercancel", () => { view.drag = null; });
canvas.addEventListener("dblclick", KEYS[0]);
window.addEventListener("storage", (event) => { // another tab has marked
  if (event.key !== DATA.key && event.key !== null || !keeps) return;
  store = readMarks();
  showCounts();
  drawRows();
  if (order[at]) describe(order[at]);
});
window.addEventListener("resize", () => { drawRows(); if (view.drawn) drawCandidate(view.drawn); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view.drawn && drawCandidate(view.drawn));

$("about").textContent = `Run ${DATA.run}, ranked by ${DATA.method}. ${DATA.candidates.length} best of the survey.`;
showCounts();
arrange();
$("list").focus();
