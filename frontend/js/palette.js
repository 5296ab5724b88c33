// The palette: loaded at its first use. A combobox over a listbox in a <dialog>; the server finds, this shows.
import { activate, labelOf } from "./acts.js";
import { copyCall, formsOfPage } from "./api_calls.js";
import { fill, wordsOf } from "./messages.js";

const WAIT_MS = 60;
const dialog = document.getElementById("palette");
const input = dialog.querySelector("input");
const list = dialog.querySelector("[role=listbox]");
const empty = dialog.querySelector(".palette-empty");
const all = dialog.querySelector("[data-palette-all]");
const count = dialog.querySelector("[data-palette-count]");
const words = wordsOf(dialog.querySelector("template[data-words]"));

let lines = [];
// What the lines on the screen are found for; Enter before they have come waits for them.
let shownFor = null;
let hasty = null;
let at = -1;
let asked = null;
let timer = 0;
let opener = null;
const answers = new Map();

// ---------------------------------------------------------------- open and close
/** Called for the dialog that keys.js has just opened; `back` has the focus again when it closes. */
export function begin(back) {
  if (!dialog.open) return;
  if (!dialog.contains(back)) opener = back;
  answers.clear();
  shownFor = hasty = null;
  ask(0);
}

function close() {
  dialog.close();
}

dialog.addEventListener("close", () => {
  asked?.abort();
  clearTimeout(timer);
  input.setAttribute("aria-activedescendant", "");
  // Nothing that somebody is still typing, for code that asks whether the page may be loaded anew.
  input.value = "";
  if (opener?.isConnected && opener !== document.body) opener.focus();
  opener = null;
});
dialog.addEventListener("click", (event) => {
  // The backdrop belongs to the dialog: only a click on nothing of it closes.
  if (event.target === dialog || event.target.closest("[data-palette-close]")) close();
});

// ---------------------------------------------------------------- asking
input.addEventListener("input", (event) => {
  hasty = null;
  if (!event.isComposing) ask();
});
input.addEventListener("compositionend", () => ask());

function ask(wait = WAIT_MS) {
  clearTimeout(timer);
  timer = setTimeout(fetchLines, wait);
}

async function fetchLines() {
  const text = input.value.trim();
  all.search = new URLSearchParams({ q: text });
  const known = answers.get(text);
  if (known) return show(text, known);
  asked?.abort();
  asked = new AbortController();
  try {
    const url = `${dialog.dataset.url}?${new URLSearchParams({ q: text })}`;
    const answer = await fetch(url, { signal: asked.signal, headers: { Accept: "application/json" } });
    // Signed out: the page itself leads to the sign-in and back.
    if (answer.redirected) return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    const { groups } = await answer.json();
    answers.set(text, groups);
    if (text === input.value.trim()) show(text, groups);
  } catch (error) {
    if (error.name === "AbortError") return;
    hasty = null;
    show(text, []);
    empty.firstChild.textContent = `${words.failed} `;
    count.textContent = words.failed;
  }
}

// ---------------------------------------------------------------- showing
function show(text, groups) {
  const known = new Set(groups.flatMap((group) => group.lines.map((line) => line.url)));
  const shown = [...ofPage(text, known), ...groups].filter((group) => group.lines.length);
  lines = shown.flatMap((group) => group.lines);
  list.replaceChildren(...shown.map(drawGroup));
  empty.hidden = lines.length > 0;
  empty.firstChild.textContent = `${words.none} `;
  list.hidden = lines.length === 0;
  input.setAttribute("aria-expanded", String(lines.length > 0));
  choose(lines.length ? 0 : -1);
  count.textContent = lines.length ? fill(words.count, { n: lines.length }) : words.none;
  shownFor = text;
  const event = hasty;
  hasty = null;
  if (event && lines[at]) run(lines[at], event);
}

let drawn = 0;

function drawGroup(group, place) {
  if (place === 0) drawn = 0;
  const box = make("div", "palette-group", { role: "group", "aria-labelledby": `palette-group-${group.name}` });
  box.append(make("div", "palette-label", { id: `palette-group-${group.name}` }, group.label));
  group.lines.forEach((line) => box.append(drawLine(line, drawn++)));
  return box;
}

function drawLine(line, place) {
  const option = make("div", "palette-line", { role: "option", id: `palette-line-${place}`, "aria-selected": "false" });
  if (line.why) option.setAttribute("aria-disabled", "true");
  option.append(icon(line.icon));
  option.append(make(line.is_code ? "code" : "span", "palette-title", {}, line.title));
  if (line.detail || line.why) option.append(make("span", "palette-detail", {}, line.why || line.detail));
  if (line.state) option.append(drawState(line));
  if (line.keys) {
    const keys = make("span", "palette-keys", { "aria-hidden": "true" });
    line.keys.split(" ").forEach((key) => keys.append(make("kbd", "", {}, key)));
    option.append(keys);
    option.setAttribute("aria-keyshortcuts", line.keys);
  }
  option.addEventListener("mousemove", () => choose(place, false));
  option.addEventListener("click", (event) => run(line, event));
  return option;
}

/** Icon, word and colour, as everywhere; what runs turns. */
function drawState({ state, tone }) {
  const name = tone.replace("tone-", "");
  const badge = make("span", `state ${tone}`);
  badge.append(name === "running" ? make("span", "spin", { "aria-hidden": "true" }) : icon(name), state);
  return badge;
}

function make(name, css, attributes = {}, text = "") {
  const element = document.createElement(name);
  if (css) element.className = css;
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  if (text) element.textContent = text;
  return element;
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `${dialog.dataset.sprite}#${name}`);
  svg.append(use);
  return svg;
}

// ---------------------------------------------------------------- choosing
function choose(place, isScrolled = true) {
  list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
  at = place;
  const option = document.getElementById(`palette-line-${place}`);
  input.setAttribute("aria-activedescendant", option ? option.id : "");
  if (!option) return;
  option.setAttribute("aria-selected", "true");
  if (isScrolled) (place === 0 ? list.firstElementChild : option).scrollIntoView({ block: "nearest" });
}

dialog.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return;
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
  if (step) {
    event.preventDefault();
    if (!lines.length) return;
    const next = at + step;
    const wraps = Math.abs(step) === 1;
    choose(wraps ? (next + lines.length) % lines.length : Math.max(0, Math.min(lines.length - 1, next)));
  } else if (event.key === "Enter" && event.target === input) {
    event.preventDefault();
    enter(event);
  } else if (event.key === "Tab") {
    keepInside(event);
  } else if (event.code === "KeyK" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    close();
  }
});

/** Tab goes round among the dialog's own few stops. */
function keepInside(event) {
  const stops = [...dialog.querySelectorAll("input, button, a[href]")].filter((one) => one.offsetParent !== null);
  const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
  if (document.activeElement !== edge) return;
  event.preventDefault();
  (event.shiftKey ? stops[stops.length - 1] : stops[0]).focus();
}

/** Never a line of what was typed before: it may be quite another act. */
function enter(event) {
  const text = input.value.trim();
  if (text === shownFor) {
    if (lines[at]) run(lines[at], event);
  } else if (text && !hasty) {
    hasty = event;
    ask(0);
  }
}

function run(line, event) {
  if (line.act) {
    // The act has the focus now: it may ask for an Enter of its own.
    opener = null;
    close();
    line.act();
  } else if (Object.keys(line.values).length) {
    post(line);
  } else if (event.ctrlKey || event.metaKey) {
    window.open(line.url, "_blank", "noopener");
  } else if (line.keys === "?") {
    close();
    openHelp();
  } else {
    close();
    location.assign(line.url);
  }
}

function post(line) {
  const form = make("form", "", { method: "post", action: line.url });
  const values = { next: location.pathname + location.search, ...line.values };
  values.csrfmiddlewaretoken = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  Object.entries(values).forEach(([name, value]) => form.append(make("input", "", { type: "hidden", name, value })));
  document.body.append(form);
  form.submit();
}

// ---------------------------------------------------------------- what the page itself offers
/** `known` are addresses that the server's lines lead to already. */
function ofPage(text, known) {
  const sought = text.toLowerCase();
  const fits = (line) => line.title.toLowerCase().includes(sought);
  const here = acts().filter((line) => fits(line) && !known.has(line.url));
  const curl = sought ? calls().filter(fits) : [];
  return [
    { name: "here", label: words.here, lines: here },
    { name: "curl", label: words.curl, lines: curl.slice(0, 8) },
  ];
}

/** The page's own buttons, the primary one first: those with a key, those of its head, those that cannot be pressed with their reason. */
function acts() {
  const buttons = document.querySelectorAll("main [data-key], main .head .btn, main .act > .btn, main .acts .btn");
  const seen = new Set();
  const found = [];
  buttons.forEach((button) => {
    const title = labelOf(button);
    if (!title || seen.has(title) || button.offsetParent === null || button.closest("[data-row], nav, .keyset")) return;
    // What lies beside a text or only opens a list is no act; the list's own lines are here already.
    if ("copy" in button.dataset || button.tagName === "SUMMARY") return;
    seen.add(title);
    const why = button.disabled ? reasonOf(button) : "";
    found[button.classList.contains("btn-primary") ? "unshift" : "push"]({
      title, why, icon: why ? "lock" : "arrow-right", keys: button.dataset.key || "", values: {}, url: button.getAttribute("href"),
      act: () => activate(button),
    });
  });
  return found;
}

function reasonOf(button) {
  const ids = (button.getAttribute("aria-describedby") || "").split(/\s+/).filter(Boolean);
  return ids.map((id) => document.getElementById(id)?.textContent.trim().replace(/\s+/g, " ") || "").join(" ") || "–";
}

function calls() {
  return formsOfPage().map(({ form, button, label }) => ({
    title: `${words.curl}: ${label}`, icon: "api", keys: "", values: {}, act: () => copyCall(form, button),
  }));
}

// ---------------------------------------------------------------- the list of keys
let help = null;

export async function openHelp() {
  if (!help) {
    const answer = await fetch(dialog.dataset.keys, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return location.assign(dialog.dataset.keys);
    // Asked twice while the first was on its way.
    if (document.getElementById("keys-dialog")) return;
    help = make("dialog", "keys-dialog", { id: "keys-dialog", "aria-labelledby": "keys-title" });
    const head = make("div", "card-head");
    head.append(make("h2", "grow", { id: "keys-title" }, dialog.dataset.keysTitle));
    const button = dialog.querySelector("[data-palette-close]").cloneNode(true);
    head.append(button);
    const body = make("div", "card-body");
    body.innerHTML = await answer.text();
    help.append(head, body);
    help.addEventListener("click", (event) => {
      if (event.target === help || event.target.closest("[data-palette-close]")) help.close();
    });
    document.body.append(help);
  }
  const before = document.activeElement;
  help.addEventListener("close", () => before?.focus?.(), { once: true });
  help.showModal();
}

