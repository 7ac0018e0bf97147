// The page of `nachash serve`: asks the JSON API and shows its answers. What is on the page
// follows from `query` (null, an image of the index, or a file) and the fields of the form.

const MOST = 200; // hits that are asked for and shown
const SAMPLE = 60; // images that are shown before anything was asked
const PAUSE = 250; // milliseconds after the last key in a filter

const byId = (name) => document.getElementById(name);
const results = byId("results");
const radius = byId("radius");

let health = null;
let query = null; // {id} or {file, address}
let answer = null;
let asked = 0; // number of the latest request; answers to earlier ones are dropped
let radiusChosen = false;

// ---- asking ---------------------------------------------------------------------------------

function parameters(more) {
  const found = new URLSearchParams(more);
  const label = byId("label").value;
  const under = byId("under").value.trim();
  if (label) found.append("where", `label=${label}`);
  if (under) found.append("under", under);
  for (const condition of byId("where").value.trim().split(/\s+(?=(?:label|path|size|time)\s*[!<>=])/)) {
    if (condition) found.append("where", condition);
  }
  return found;
}

async function fetched(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  if (response.ok) return response.json();
  const refusal = await response.json().catch(() => ({ error: response.statusText, hint: "" }));
  const sentence = [refusal.error, refusal.hint].filter(Boolean).join(": ");
  throw new Error(sentence.charAt(0).toUpperCase() + sentence.slice(1) + ".");
}

/** Ask for `wanted` and show the answer; after an error the page stays as it was. */
async function ask(wanted, { focus = false, address = null } = {}) {
  const number = ++asked;
  results.setAttribute("aria-busy", "true");
  try {
    const found = await fetched(...request(wanted));
    if (number !== asked) return;
    if (query?.address && query !== wanted) URL.revokeObjectURL(query.address);
    [query, answer] = [wanted, found];
    if (address !== null) history.pushState(null, "", address || location.pathname);
    showProblem("");
    show(focus);
  } catch (error) {
    if (number === asked) showProblem(error.message);
  } finally {
    if (number === asked) results.removeAttribute("aria-busy");
  }
}

function request(wanted) {
  if (!wanted) return [`/sample?${parameters({ count: SAMPLE })}`];
  const wish = parameters({ k: MOST, counts: true, draw: true });
  if (wanted.file) return [`/search?${wish}`, { method: "POST", body: wanted.file }];
  return [`/neighbours/${wanted.id}?${wish}`];
}

const searchFile = (file) => ask({ file, address: URL.createObjectURL(file) }, { address: "" });
const searchImage = (id) => ask({ id }, { address: `#${id}`, focus: true });

function clear() {
  radiusChosen = false;
  ask(null, { address: "" });
  byId("pick").focus();
}

function followAddress() {
  const id = location.hash.slice(1);
  ask(/^\d+$/.test(id) ? { id } : null);
}

// ---- showing --------------------------------------------------------------------------------

function show(focus) {
  const searched = Boolean(query);
  byId("asked").hidden = byId("radius-part").hidden = byId("legend").hidden = !searched;
  if (searched) {
    showQuery();
    setRadius();
    drawHistogram();
  }
  const images = searched ? answer.hits : answer.sample;
  results.replaceChildren(...images.map(tile));
  narrow();
  if (focus) {
    window.scrollTo({ top: 0 });
    tiles()[0]?.focus({ preventScroll: true });
  }
}

function showQuery() {
  const picture = byId("asked-picture");
  picture.src = query.file ? query.address : `/thumb/${query.id}`;
  picture.onload = () => picture.classList.toggle("small", picture.naturalWidth <= 64);
  const name = query.file ? query.file.name || "pasted picture" : answer.path;
  byId("asked-name").textContent = name;
  picture.alt = `query: ${name}`;
  const drawing = byId("asked-code");
  drawing.setAttribute("viewBox", grid());
  drawing.setAttribute("aria-label", `its code of ${answer.bits} bits, ${answer.code} in hex`);
  drawing.firstElementChild.setAttribute("d", squares(answer.code));
}

function tile(image) {
  const item = byId("tile").content.cloneNode(true).firstElementChild;
  const button = item.firstElementChild;
  const part = (name) => item.querySelector(name);
  button.dataset.id = image.id;
  item.dataset.distance = image.distance ?? "";
  const picture = part("img");
  picture.onload = () => picture.classList.toggle("small", picture.naturalWidth <= 64);
  picture.onerror = () => picture.parentElement.classList.add("lost");
  picture.src = `/thumb/${image.id}`;
  part(".label").textContent = image.label ?? "";
  part("bdi").textContent = image.path;
  button.title = image.path;
  const drawing = part(".code");
  if (image.distance === null) drawing.remove();
  else {
    part(".distance").textContent = bits(image.distance);
    drawing.setAttribute("viewBox", grid());
    part(".ones").setAttribute("d", image.same);
    part(".different").setAttribute("d", image.different);
  }
  const differ = image.distance === null ? "" : `${bits(image.distance)} differ, `;
  button.setAttribute("aria-label", `${differ}${image.label ? `${image.label}, ` : ""}${image.path}`);
  return item;
}

/** Hide what lies outside the radius, and say how many images there are. */
function narrow() {
  const items = [...results.children];
  const limit = query ? Number(radius.value) : Infinity;
  for (const item of items) item.hidden = Number(item.dataset.distance) > limit;
  const shown = items.filter((item) => !item.hidden);
  for (const item of items) item.firstElementChild.tabIndex = -1;
  if (shown.length) shown[0].firstElementChild.tabIndex = 0;
  if (query) {
    byId("radius-value").textContent = `${limit} of ${answer.bits} bits`;
    radius.setAttribute("aria-valuetext", `${bits(limit)}: ${plural(answer.within[limit], "image")}`);
    for (const bar of byId("histogram").children) bar.classList.toggle("near", Number(bar.dataset.distance) <= limit);
  }
  byId("count").replaceChildren(...sentence(shown.length));
}

function sentence(shown) {
  const strong = document.createElement("b");
  const filtered = answer.searched < answer.images ? ` that the filter leaves of ${number(answer.images)}` : "";
  if (!query) {
    strong.textContent = plural(answer.searched, "image");
    const some = shown < answer.searched ? `, ${number(shown)} of them shown` : "";
    return [strong, `${filtered}${some}`];
  }
  const near = answer.within[Number(radius.value)];
  strong.textContent = plural(near, "image");
  const nearest = shown < near ? `, the nearest ${number(shown)} shown` : "";
  return [strong, ` within ${bits(Number(radius.value))}, of ${number(answer.within.at(-1))}${filtered}${nearest}`];
}

/** The radius until the user moves it: that for similar images, else as far as the hits reach. */
function setRadius() {
  radius.max = answer.bits;
  if (radiusChosen) return;
  const last = answer.hits.at(-1)?.distance ?? answer.bits;
  const few = answer.hits.at(Math.min(11, answer.hits.length - 1))?.distance ?? answer.bits;
  radius.value = health.similar_radius === null ? last : Math.min(last, Math.max(health.similar_radius, few));
}

function drawHistogram() {
  const counts = answer.within.map((count, r) => count - (r ? answer.within[r - 1] : 0));
  const highest = Math.sqrt(Math.max(1, ...counts));
  const drawing = byId("histogram");
  drawing.setAttribute("viewBox", `-0.5 0 ${answer.bits + 1} 1`);
  drawing.replaceChildren(
    ...counts.map((count, distance) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const height = Math.sqrt(count) / highest;
      bar.dataset.distance = distance;
      for (const [name, value] of Object.entries({ x: distance - 0.42, y: 1 - height, width: 0.84, height })) {
        bar.setAttribute(name, value);
      }
      return bar;
    }),
  );
}

function showMarks() {
  const marks = [
    [health.same_photo_radius, "same photo"],
    [health.similar_radius, "similar"],
  ].filter(([at]) => at !== null);
  byId("marks").replaceChildren(
    ...marks.map(([at, name]) => {
      const mark = document.createElement("button");
      mark.type = "button";
      mark.textContent = `${name}: ${at}`;
      mark.title = `radius for "${name}", as calibrated`;
      mark.onclick = () => {
        radius.value = at;
        radius.dispatchEvent(new Event("input"));
      };
      return mark;
    }),
  );
}

function showProblem(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
}

/** A code in hex as the path of an SVG: a square for every one. */
function squares(hex) {
  const ones = [...hex].flatMap((digit) => [...parseInt(digit, 16).toString(2).padStart(4, "0")]);
  const place = (bit) => `M${bit % health.columns} ${Math.floor(bit / health.columns)}h.84v.84h-.84z`;
  return ones.map((one, bit) => (one === "1" ? place(bit) : "")).join("");
}

/** The view box of a drawn code: a square is 0.84 of its cell, so its margin is 0.16 wide. */
const grid = () => `-.16 -.16 ${health.columns + 0.16} ${health.lines + 0.16}`;

const number = (value) => value.toLocaleString("en");
const plural = (value, word) => `${number(value)} ${word}${value === 1 ? "" : "s"}`;
const bits = (value) => plural(value, "bit");

// ---- hands ----------------------------------------------------------------------------------

const tiles = () => [...results.querySelectorAll("li:not([hidden]) > .tile")];

/** Tiles in the first line of the grid. */
function inLine(all) {
  const top = all[0].getBoundingClientRect().top;
  const second = all.findIndex((each) => each.getBoundingClientRect().top > top + 1);
  return second < 0 ? all.length : second;
}

function moveFocus(event) {
  const all = tiles();
  const here = all.indexOf(document.activeElement);
  if (here < 0) return;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: inLine(all), ArrowUp: -inLine(all) };
  const ends = { Home: 0, End: all.length - 1 };
  const there = event.key in ends ? ends[event.key] : here + (steps[event.key] ?? NaN);
  if (!all[there]) return;
  event.preventDefault();
  all[here].tabIndex = -1;
  all[there].tabIndex = 0;
  all[there].focus();
}

const isTyping = (element) => element.matches("select, input:not([type=range]):not([type=file])");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && query) clear();
  else if (event.key === "/" && !isTyping(event.target)) {
    event.preventDefault();
    byId("pick").focus();
  } else if (results.contains(event.target)) moveFocus(event);
});

results.addEventListener("click", (event) => {
  const button = event.target.closest(".tile");
  if (button) searchImage(button.dataset.id);
});

byId("pick").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) searchFile(file);
});
byId("clear").addEventListener("click", clear);
radius.addEventListener("input", () => {
  radiusChosen = true;
  narrow();
});

let waiting;
byId("controls").addEventListener("input", (event) => {
  if (event.target === radius) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => ask(query), event.target.matches("select") ? 0 : PAUSE);
});
byId("controls").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  ask(query);
});

document.addEventListener("paste", (event) => {
  const [file] = event.clipboardData.files;
  if (file) {
    event.preventDefault();
    searchFile(file);
  }
});

let inside = 0; // how many elements the dragged file is over
const dragging = (event) => event.dataTransfer?.types.includes("Files");
document.addEventListener("dragenter", (event) => {
  if (!dragging(event)) return;
  inside += 1;
  byId("veil").hidden = false;
});
document.addEventListener("dragleave", (event) => {
  if (!dragging(event)) return;
  inside -= 1;
  if (inside <= 0) byId("veil").hidden = true;
});
document.addEventListener("dragover", (event) => {
  if (dragging(event)) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  inside = 0;
  byId("veil").hidden = true;
  const [file] = event.dataTransfer?.files ?? [];
  if (!file) return;
  event.preventDefault();
  searchFile(file);
});

window.addEventListener("popstate", followAddress);

try {
  health = await fetched("/health");
  byId("index").textContent = health.index;
  document.title = `${health.index} · nachash`;
  byId("label-part").hidden = !health.labels.length;
  byId("label").append(...health.labels.map((name) => new Option(name, name)));
  showMarks();
  followAddress();
} catch (error) {
  showProblem(error.message);
}
