// What a person does: choose a colour, a class, a point; move and zoom; search.

function choose(i) {
  state.chosen = i;
  redraw();
  element("say").textContent = nameOf(i);
  const facts = [["specobjid", String(IDS[i])], ...COLUMNS.map((entry) => [entry.name, valueOf(entry, i)])];
  element("facts").replaceChildren(...facts.flatMap(([name, value]) => [text("dt", name), text("dd", value)]));
  const link = element("link");
  link.href = given.link + String(IDS[i]);
  link.hidden = !given.link;
  element("flux").hidden = !SPECTRA;
  if (SPECTRA) drawSpectrum(i);
}

function text(tag, words) {
  const made = document.createElement(tag);
  made.textContent = words;
  return made;
}

function setColour(name) {
  state.colour = name;
  const entry = column(name);
  const legend = entry.kind === "category" ? entry : column("class");
  if (legend !== state.legend) {
    state.hidden.clear();
    state.bright.clear();
    state.legend = legend;
  }
  recolour();
  drawBar(entry);
  drawLegend(entry === legend);
  redraw();
}

function drawBar(entry) {
  element("bar").hidden = entry.kind !== "number";
  element("legend-title").textContent = entry.name;
  if (entry.kind !== "number") return;
  const context = element("ramp").getContext("2d");
  rampColours(isDark()).forEach((colour, k) => {
    context.fillStyle = colour;
    context.fillRect((k * 256) / STEPS, 0, 256 / STEPS + 1, 12);
  });
  element("low").textContent = `≤ ${show(entry.limits[0])}`;
  element("high").textContent = `≥ ${show(entry.limits[1])}`;
  element("ramp").setAttribute("aria-label", `Colour bar of ${entry.name}: ${show(entry.limits[0])} to ${show(entry.limits[1])}`);
}

function drawLegend(coloured) {
  const { categories, values } = state.legend, counts = new Array(categories.length).fill(0);
  for (const value of values) counts[value]++;
  const colours = categoryColours(state.legend, css("--ink"));
  element("legend").replaceChildren(...categories.map((word, k) => {
    const item = document.createElement("li"), tick = document.createElement("input"), button = text("button", "");
    const swatch = text("span", ""), number = text("span", counts[k].toLocaleString("en"));
    tick.type = "checkbox";
    tick.checked = !state.hidden.has(k);
    tick.setAttribute("aria-label", `Show ${word}`);
    tick.addEventListener("change", () => { toggle(state.hidden, k); redraw(); });
    swatch.className = "swatch";
    swatch.hidden = !coloured;
    swatch.style.background = colours[k];
    number.className = "number";
    button.type = "button";
    button.setAttribute("aria-pressed", String(state.bright.has(k)));
    button.append(swatch, text("span", word), number);
    button.addEventListener("click", () => {
      toggle(state.bright, k);
      button.setAttribute("aria-pressed", String(state.bright.has(k)));
      redraw();
    });
    item.append(tick, button);
    return item;
  }));
}

function toggle(set, value) {
  if (!set.delete(value)) set.add(value);
}

function zoomAt(px, py, factor) {
  const [x, y] = toMap(px, py);
  state.zoom = Math.max(0.5, Math.min(400, state.zoom * factor));
  const [nx, ny] = toMap(px, py);
  state.x += x - nx;
  state.y += y - ny;
  redraw();
}

function showAll() {
  Object.assign(state, { x: (LEFT + RIGHT) / 2, y: (BOTTOM + TOP) / 2, zoom: 1 });
  redraw();
}

function pointAt(event) {
  return nearest(...toMap(event.offsetX, event.offsetY), 10 / scale(), visible);
}

function hover(event) {
  const i = pointAt(event), tip = element("tip");
  tip.hidden = i < 0;
  if (i !== state.over) { state.over = i; redraw(); }
  if (i < 0) return;
  const seen = ["class", "z"].filter(column).map((name) => `${name} ${valueOf(column(name), i)}`);
  if (!["class", "z"].includes(state.colour)) seen.push(`${state.colour} ${valueOf(column(state.colour), i)}`);
  tip.textContent = [nameOf(i), ...seen].join("\n");
  const left = Math.min(event.offsetX + 14, canvas.clientWidth - tip.offsetWidth - 4);
  tip.style.left = `${left}px`;
  tip.style.top = `${Math.min(event.offsetY + 14, canvas.clientHeight - tip.offsetHeight - 4)}px`;
}

let grabbed = null;
canvas.addEventListener("pointerdown", (event) => {
  grabbed = { x: event.offsetX, y: event.offsetY, moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (!grabbed) { hover(event); return; }
  const [dx, dy] = [event.offsetX - grabbed.x, event.offsetY - grabbed.y];
  if (!grabbed.moved && Math.hypot(dx, dy) < 4) return;
  state.x -= dx / scale();
  state.y += dy / scale();
  Object.assign(grabbed, { x: event.offsetX, y: event.offsetY, moved: true });
  element("tip").hidden = true;
  redraw();
});
canvas.addEventListener("pointerup", (event) => {
  const clicked = grabbed && !grabbed.moved;
  grabbed = null;
  const i = clicked ? pointAt(event) : -1;
  if (i >= 0) choose(i);
});
canvas.addEventListener("pointercancel", () => { grabbed = null; });
canvas.addEventListener("pointerleave", () => {
  element("tip").hidden = true;
  if (state.over >= 0) { state.over = -1; redraw(); }
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoomAt(event.offsetX, event.offsetY, Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 200) * 0.002));
}, { passive: false });

const move = (dx, dy) => { state.x += dx / scale(); state.y += dy / scale(); redraw(); };
const middle = (factor) => zoomAt(canvas.clientWidth / 2, canvas.clientHeight / 2, factor);
const KEYS = {
  ArrowLeft: () => move(-60, 0), ArrowRight: () => move(60, 0), ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
  "+": () => middle(1.4), "=": () => middle(1.4), "-": () => middle(1 / 1.4), "−": () => middle(1 / 1.4), 0: showAll,
  Enter: () => {
    const i = nearest(state.x, state.y, Infinity, visible);
    if (i >= 0) choose(i);
  },
};
canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

element("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const i = find(element("name").value);
  if (i < 0) { element("say").textContent = `No spectrum ${element("name").value} on this map.`; return; }
  Object.assign(state, { x: X[i], y: Y[i], zoom: Math.max(state.zoom, 6) });
  choose(i);
});
element("reset").addEventListener("click", showAll);

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  if (!state.legend) return;
  setColour(state.colour);
  if (state.chosen >= 0 && SPECTRA) drawSpectrum(state.chosen);
}
element("theme").addEventListener("click", () => {
  setTheme(isDark() ? "light" : "dark");
});
setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

element("colour").append(...COLUMNS.map((entry) => Object.assign(text("option", entry.name), { value: entry.name })));
element("colour").value = "class";
element("colour").addEventListener("change", (event) => setColour(event.target.value));
setColour("class");
new ResizeObserver(() => drawPoints()).observe(canvas);
