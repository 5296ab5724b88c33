// Keys, by where they lie (event.code). Silent while an input method composes, in fields, and with modifiers.
// templates/ui/keys_help.html lists them; tests/desk/test_keys.py compares the two.
import { activate, isDisabled } from "./acts.js";
import { toast, word } from "./messages.js";

const GO_MS = 1500;
// A letter means nothing to a box that is ticked: its page's keys act there too.
const FIELDS = "input:not([type='radio']):not([type='checkbox']), textarea, select, [contenteditable]:not([contenteditable='false'])";
/** Acts of the page: the element that carries the letter is what happens. */
const ACTS = { KeyB: "b", KeyP: "p", KeyD: "d", KeyA: "a", KeyN: "n", KeyR: "r", KeyC: "c", KeyF: "f", KeyE: "e" };
/** After g. */
const GO = { KeyH: "h", KeyO: "o", KeyA: "a", KeyC: "c", KeyE: "e", KeyS: "s" };
/** What a log does, when the page has no button of that letter. */
const LOG = { KeyF: "follow", KeyE: "first-error" };

let goUntil = 0;
let row = null;
let rowAt = -1;

const isComposing = (event) => event.isComposing || event.keyCode === 229;
const hasModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;
const isOn = () => document.body.dataset.keys !== "off";
/** Does somebody write here? A field of a dialog that has just closed may have the focus for a moment longer. */
const isWritten = (target) => Boolean(target.closest?.(FIELDS)) && !target.closest("dialog:not([open])");
const modal = () => document.querySelector("dialog[open]");

/** Opens the palette at once, so that what is typed next is text and no key; the rest of it comes by import(). */
async function openPalette(field = null) {
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const opener = document.activeElement;
  const input = dialog.querySelector("input");
  input.value = (dialog.open ? input.value : "") + (field ? field.value : "");
  if (field) field.value = "";
  if (!dialog.open) dialog.showModal();
  input.focus();
  const { begin } = await import("./palette.js");
  begin(opener);
}

async function openHelp() {
  if (!document.getElementById("palette")) return;
  const { openHelp: show } = await import("./palette.js");
  show();
}

// ---------------------------------------------------------------- the listener
document.addEventListener("keydown", (event) => {
  if (isComposing(event) || event.defaultPrevented) return;
  if (event.code === "KeyK" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    event.preventDefault();
    if (!modal()) openPalette();
    return;
  }
  if (hasModifier(event) || modal()) return;
  if (event.key === "Escape") {
    back(event);
    return;
  }
  if (isWritten(event.target) || !isOn()) return;
  if (single(event)) event.preventDefault();
});

/** One key: true when something came of it. */
function single(event) {
  if (event.code === "Slash") return slash(event);
  if (event.shiftKey || (event.repeat && event.code !== "KeyJ" && event.code !== "KeyK")) return false;
  if (performance.now() < goUntil) {
    goUntil = 0;
    return go(GO[event.code]);
  }
  if (event.code === "KeyG") {
    goUntil = performance.now() + GO_MS;
    return true;
  }
  if (event.code === "KeyJ") return move(1);
  if (event.code === "KeyK") return move(-1);
  if (event.code in ACTS) return act(event.code);
  return false;
}

function slash(event) {
  if (event.shiftKey) {
    openHelp();
    return true;
  }
  const isInLog = document.activeElement?.closest("[data-log], [data-log-viewer]");
  if (isInLog && !tellLog("search")) return true;
  openPalette();
  return true;
}

// ---------------------------------------------------------------- going
function go(letter) {
  const link = letter && document.querySelector(`a[data-go="${letter}"]`);
  if (!link) return false;
  link.click();
  return true;
}

function back(event) {
  if (isWritten(event.target)) {
    event.target.closest(FIELDS).blur();
    return;
  }
  if (!isOn() || isDirty()) return;
  const link = document.querySelector("a[data-back]");
  if (link) link.click();
  else if (document.referrer.startsWith(location.origin + "/") && history.length > 1) history.back();
}

/** Has somebody typed into a form of the page? Then Esc takes nothing away. */
function isDirty() {
  const fields = document.querySelectorAll("main form[method='post'] :is(input:not([type='hidden']), textarea, select)");
  return [...fields].some((field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected) && field.selectedIndex > 0;
    return field.value !== field.defaultValue;
  });
}

// ---------------------------------------------------------------- rows
const rows = () => [...document.querySelectorAll("main [data-row]")].filter((one) => one.offsetParent !== null);
const linkOf = (one) => one.querySelector("[data-row-link]") || one.querySelector("a[href]");

function move(by) {
  const all = rows();
  if (!all.length) return false;
  const focused = document.activeElement?.closest("[data-row]");
  let at = all.indexOf(focused || row);
  // A live page may have replaced the row meanwhile: its place counts then.
  if (at < 0) at = rowAt < 0 ? (by > 0 ? -1 : all.length) : Math.min(rowAt, all.length - 1);
  rowAt = Math.max(0, Math.min(all.length - 1, at + by));
  row = all[rowAt];
  linkOf(row)?.focus();
  row.scrollIntoView({ block: "nearest" });
  return true;
}

// ---------------------------------------------------------------- acts
function act(code) {
  const element = find(ACTS[code]);
  if (element) {
    activate(element);
    return true;
  }
  if (code === "KeyC") return create();
  if (code in LOG && !tellLog(LOG[code])) return true;
  toast(word("no_act", { key: ACTS[code] }));
  return true;
}

/** A new order can be begun from everywhere; the page says who may, to whom may not. */
function create() {
  const url = document.getElementById("palette")?.dataset.new;
  if (!url || location.pathname === url) return false;
  location.assign(url);
  return true;
}

/** The act of the row that has the focus, else of the page. */
function find(letter) {
  const inRow = document.activeElement?.closest("[data-row]")?.querySelector(`[data-key="${letter}"]`);
  if (inRow) return inRow;
  const all = [...document.querySelectorAll(`[data-key="${letter}"]`)].filter((one) => one.offsetParent !== null);
  return all.find((one) => !isDisabled(one)) || all[0];
}

/** Tells the log viewer; false when it took the key (then it has called preventDefault). */
function tellLog(key) {
  return document.dispatchEvent(new CustomEvent("prism:key", { detail: { key }, cancelable: true }));
}

// ---------------------------------------------------------------- the mouse's way to the same
const isField = (element) => element.matches?.("input[data-palette]");

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys-help]")) openHelp();
  if (isField(event.target)) openPalette(event.target);
});
// Reached by Tab and typed into: the text goes over to the palette, whole words of an input method only.
document.addEventListener("input", (event) => {
  if (isField(event.target) && !event.isComposing) openPalette(event.target);
});
document.addEventListener("compositionend", (event) => {
  if (isField(event.target)) openPalette(event.target);
});
document.querySelectorAll("[data-keys-help]").forEach((button) => (button.hidden = false));
