// The list, the marks and the keys.

const ROW = 44; // pixels, as in page.css
const ROWS_BESIDE = 8;
const GLYPH = { keep: "✓", drop: "✗", unsure: "?" };
const SORTS = {
  rank: (one) => one.rank, score: (one) => -one.score, z: (one) => one.z, snr: (one) => -(one.snr ?? -1), ra: (one) => one.ra,
  snr_behind: (one) => -(one.snr_behind ?? -1), distance: (one) => (one.near.length ? one.near[0][1] : Infinity),
};
const FILTERS = ["find", "mark", "catalogued", "z-low", "z-high", "sort", "reverse"];
let store = readMarks();
let keeps = true; // whether this browser keeps marks
let order = [];
let at = 0;

function readMarks() {
  try { return JSON.parse(localStorage.getItem(DATA.key)) || {}; } catch { return {}; }
}

function saveMarks() {
  try { localStorage.setItem(DATA.key, JSON.stringify(store)); } catch { keeps = false; }
  showCounts();
}

const markOf = (one) => store[one.id]?.mark || "";
const noteOf = (one) => store[one.id]?.note || "";
const LISTED = new Set(DATA.candidates.map((one) => one.id));
const unlisted = () => Object.keys(store).filter((id) => !LISTED.has(id)); // marked before this list was made
const isTarget = (one) => one.catalogued.split("+").includes(DATA.target);

function setMark(one, change) {
  if (keeps) store = readMarks(); // another tab may have marked since
  const now = { mark: markOf(one), note: noteOf(one), ...change };
  if (now.mark || now.note) store[one.id] = now;
  else delete store[one.id];
  saveMarks();
}

function showCounts() {
  const count = (mark) => DATA.candidates.filter((one) => markOf(one) === mark).length;
  const words = ["keep", "drop", "unsure"].map((mark) => `${count(mark)} ${mark}`);
  const before = unlisted().length;
  words.push(`${count("")} to look at`, ...(before ? [`${before} marked before and no longer listed`] : []));
  $("counts").textContent = keeps ? words.join(", ") : "This browser keeps no marks: export them before you close the page.";
}

function passes(one) {
  const find = $("find").value.trim().toLowerCase(), mark = $("mark").value, old = $("catalogued").value;
  const low = parseFloat($("z-low").value), high = parseFloat($("z-high").value);
  if (find && !`${one.name} ${one.id} ${one.reason} ${noteOf(one)}`.toLowerCase().includes(find)) return false;
  if (mark !== "all" && markOf(one) !== (mark === "none" ? "" : mark)) return false;
  if (old !== "all" && isTarget(one) !== (old === "old")) return false;
  return !(one.z < low) && !(one.z > high);
}

// Fill the list again. A candidate that is no longer in it leaves the choice to the one at `otherwise`.
function arrange(otherwise = 0) {
  const chosen = order[at];
  const value = SORTS[$("sort").value], sign = $("reverse").checked ? -1 : 1;
  order = DATA.candidates.filter(passes).sort((a, b) => sign * (value(a) - value(b)) || a.rank - b.rank);
  $("shown").textContent = `${order.length} of ${DATA.candidates.length} shown`;
  $("rows").style.height = `${order.length * ROW}px`;
  const place = order.indexOf(chosen);
  go(place < 0 ? otherwise : place);
}

function drawRows() {
  const list = $("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - ROWS_BESIDE);
  const last = Math.min(order.length, first + Math.ceil(list.clientHeight / ROW) + 2 * ROWS_BESIDE);
  $("rows").replaceChildren(...order.slice(first, last).map((one, i) => row(one, first + i)));
}

function row(one, place) {
  const mark = markOf(one), element = document.createElement("div");
  const attributes = { role: "option", id: `row-${one.id}`, "aria-selected": place === at, "aria-setsize": order.length, "aria-posinset": place + 1 };
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.setAttribute("aria-label", `Rank ${one.rank}, ${one.name}, redshift ${one.z.toFixed(3)}, score ${one.score.toFixed(3)}, ${mark || "no mark"}`);
  element.className = "row";
  element.style.top = `${place * ROW}px`;
  const parts = [["rank", one.rank], ["name", one.name], ["score", one.score.toFixed(3)], ["tick " + mark, GLYPH[mark] || ""],
    ["more", `z ${one.z.toFixed(3)} · ${one.catalogued ? "catalogued as " + one.catalogued : "unlabelled"}${noteOf(one) ? " · " + noteOf(one) : ""}`]];
  for (const [name, text] of parts) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = text;
    element.append(part);
  }
  element.addEventListener("click", () => { go(place); $("list").focus(); });
  return element;
}

function go(place) {
  at = Math.min(Math.max(place, 0), order.length - 1);
  const list = $("list"), one = order[at];
  $("candidate").hidden = !one;
  if (!one) { at = 0; drawRows(); list.removeAttribute("aria-activedescendant"); return; }
  if (at * ROW < list.scrollTop) list.scrollTop = at * ROW;
  if ((at + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (at + 1) * ROW - list.clientHeight;
  drawRows();
  list.setAttribute("aria-activedescendant", `row-${one.id}`);
  if (view.drawn !== one) view.zoom = null;
  describe(one);
  drawCandidate(one).catch((error) => { $("reason").textContent = `This spectrum cannot be drawn: ${error.message}`; });
  order.slice(at + 1, at + 3).forEach(spectrumOf); // unpacked before they are asked for
}

function describe(one) {
  $("name").textContent = `${one.rank}. ${one.name}`;
  const facts = {
    z: one.z.toFixed(4), score: one.score.toFixed(3), probability: one.probability === null ? null : percent(one.probability),
    "S/N": fixed(one.snr, 1), "RA, Dec": `${one.ra.toFixed(5)}, ${one.dec.toFixed(5)}`, specobjid: one.id,
  };
  $("facts").replaceChildren(...Object.entries(facts).filter(([, value]) => value !== null).map(([name, value]) => {
    const pair = document.createElement("div"), term = document.createElement("dt"), said = document.createElement("dd");
    term.textContent = name;
    said.textContent = value;
    pair.append(term, said);
    return pair;
  }));
  $("reason").textContent = one.reason;
  $("archive").href = DATA.link + one.id;
  const place = new URLSearchParams({ ra: one.ra, dec: one.dec, layer: "ls-dr9", zoom: 16, mark: `${one.ra},${one.dec}` });
  $("image").href = `https://www.legacysurvey.org/viewer?${place}`;
  for (const name of ["archive", "image"]) $(name).hidden = !DATA.link;
  $("note").value = noteOf(one);
  for (const button of document.querySelectorAll("[data-mark]")) button.setAttribute("aria-pressed", button.dataset.mark === markOf(one));
  const parts = [key("flux", `observed${view.smooth ? ", mean of 5 pixels" : ""}, over its median at ${DATA.window.join("–")} Å rest`)];
  if (DATA.model) parts.push(key("model", `model of the galaxy (${DATA.method})`));
  parts.push(key("own", `lines at z ${one.z.toFixed(4)}`));
  if (showsBehind(one)) parts.push(key("behind", `lines behind at z ${one.z_behind.toFixed(4)} (S/N ${fixed(one.snr_behind, 1)})`));
  const readout = document.createElement("span");
  readout.className = "readout";
  readout.id = "readout";
  $("spectrum-caption").replaceChildren(...parts, readout);
}

function percent(share) {
  if (share < 0.001) return "< 0.1 %";
  return share > 0.99 ? "> 99 %" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function mark(value) {
  const one = order[at];
  if (!one) return;
  const taken = markOf(one) === value;
  setMark(one, { mark: taken ? "" : value });
  if ($("mark").value !== "all") { arrange(at); return; } // it has left the list: the next one has its place
  go(value && !taken ? at + 1 : at);
}

function nextUnmarked() {
  const after = [...order.slice(at + 1), ...order.slice(0, at + 1)].find((one) => !markOf(one));
  if (after) go(order.indexOf(after));
}
