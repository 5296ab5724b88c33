// Live panels: elements with hx-trigger="prism:changed from:body". One is fetched anew when one of its topics changed
// (data-topics="space:3,project:1"; without it, any), once for a burst of news, and again when news came meanwhile or
// the fetch failed. A swap takes nothing away: not what somebody types, nor focus, scroll or an opened <details>.
import { announce, dismiss } from "./messages.js";
import { whenLetGo } from "./press.js";
import { reload } from "./reload.js";

const TRIGGER = "prism:changed";
const BURST = 60;
// A fetch may be given to a connection that died unnoticed: right after a return the first tries are given up early.
const PATIENCE = { least: 3000, most: 8000, early: 10000 };
const RETRY = { least: 300, most: 4000 };
// A panel that was drawn a moment ago hears nothing until htmx has settled it (ms, and how often it is asked again).
const DEAF = { pause: 100, most: 50 };

const dirty = new Set();
const flights = new Map();
const shown = new Map();
const tries = new Map();
const deaf = new Map();
let timer = 0;
let flushAt = 0;
let failingSince = 0;
let renewedAt = 0;

const all = () => [...document.querySelectorAll(`[hx-trigger*="${TRIGGER}"]`)];
const keyOf = (panel) => panel.id || panel.getAttribute("hx-get");

export const topicsOf = (element) => (element.dataset.topics || "").split(",").map((one) => one.trim()).filter(Boolean);

/** Since when (ms) a panel shows something older than it should because it could not be fetched; 0: none does. */
export const staleSince = () => failingSince;

/** The topic has news (without one: everything may have); the panels that listen to it are fetched soon. */
export function changed(topic) {
  if (topic && topic.startsWith("me:")) document.body.dispatchEvent(new CustomEvent("prism:told"));
  // What a person is told concerns who asks for it by name, and the page that lists it.
  const isOwn = Boolean(topic) && topic.startsWith("me:") && document.body.dataset.topic !== topic;
  all().forEach((panel) => {
    const topics = topicsOf(panel);
    if (!topic || (!topics.length && !isOwn) || topics.includes(topic)) dirty.add(keyOf(panel));
  });
  soon(BURST);
}

/** The way to the server is new: what is under way on the old one is asked again, and what failed is tried at once. */
export function renew() {
  [...flights].forEach(([key, xhr]) => {
    dirty.add(key);
    // What has come is drawn in a moment.
    if (xhr.readyState === XMLHttpRequest.DONE) return;
    flights.delete(key);
    xhr.abort();
  });
  tries.clear();
  renewedAt = Date.now();
  soon(0);
}

// News that does not stop must not put it off for ever: the earliest wish counts.
function soon(pause) {
  const at = Date.now() + pause;
  if (timer && flushAt <= at) return;
  clearTimeout(timer);
  flushAt = at;
  timer = setTimeout(flush, pause);
}

function flush() {
  timer = 0;
  // Nobody sees a hidden page: its panels are fetched when it is seen again.
  if (document.hidden) return;
  const due = new Set([...dirty].filter((key) => !flights.has(key)));
  if (!due.size) return;
  due.forEach((key) => dirty.delete(key));
  document.body.dispatchEvent(new CustomEvent(TRIGGER, { bubbles: true, detail: { panels: due } }));
  askAgain(due);
}

// News that fell between the swap of a panel and its listening would be lost, and the panel old until the next.
function askAgain(due) {
  const there = new Set(all().map(keyOf));
  due.forEach((key) => {
    const count = flights.has(key) || !there.has(key) ? 0 : (deaf.get(key) || 0) + 1;
    if (count) deaf.set(key, count);
    else deaf.delete(key);
    if (!count || count > DEAF.most) return;
    dirty.add(key);
    soon(DEAF.pause);
  });
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(0); });

// ---------------------------------------------------------------- one fetch
document.addEventListener("htmx:confirm", (event) => {
  const cause = event.detail.triggeringEvent;
  const due = cause && cause.type === TRIGGER && cause.detail && cause.detail.panels;
  if (due && !due.has(keyOf(event.detail.elt))) event.preventDefault();
});

document.addEventListener("htmx:beforeRequest", (event) => {
  drawLater(event.detail.xhr);
  if (!isNews(event.detail)) {
    expect(event.detail);
    return;
  }
  const { xhr, requestConfig } = event.detail;
  const key = keyOf(requestConfig.elt);
  const isEarly = Date.now() - renewedAt < PATIENCE.early;
  xhr.timeout = isEarly ? Math.min(PATIENCE.most, PATIENCE.least * 2 ** (tries.get(key) || 0)) : PATIENCE.most;
  flights.set(key, xhr);
  // After htmx has swapped, even if the request failed and of the panel that it was for.
  xhr.addEventListener("loadend", () => whenLetGo(() => {
    if (flights.get(key) !== xhr) return;
    flights.delete(key);
    // Refused for good (4xx): another try would be refused too.
    if (xhr.status >= 200 && xhr.status < 500) arrived(key);
    else missed(key);
  }));
});

// What answers while somebody presses something is drawn after the click: a new element in the place of the one that
// is pressed would swallow it.
function drawLater(xhr) {
  const draw = xhr.onload;
  xhr.onload = (event) => whenLetGo(() => draw.call(xhr, event));
}

// What a reader asked for (a filter, a pod) goes to the element that stood there when it was asked for: news that put
// another in its place would let the answer fall into nothing.
const expected = new Map();
let isHeldBack = false;

function expect({ xhr, target }) {
  expected.set(xhr, target);
  xhr.addEventListener("loadend", () => whenLetGo(() => {
    expected.delete(xhr);
    if (!isHeldBack || expected.size) return;
    isHeldBack = false;
    changed();
  }));
}

const isExpected = (target) => [...expected.values()].some((one) => one && target.contains(one));

function holdBack(event) {
  event.detail.shouldSwap = false;
  shown.clear();
  isHeldBack = true;
}

function isNews(detail) {
  const cause = detail.requestConfig && detail.requestConfig.triggeringEvent;
  return Boolean(cause && cause.type === TRIGGER);
}

function arrived(key) {
  tries.delete(key);
  if (!tries.size) setFailing(0);
  if (dirty.size) soon(BURST);
}

function missed(key) {
  const count = (tries.get(key) || 0) + 1;
  tries.set(key, count);
  dirty.add(key);
  setFailing(failingSince || Date.now());
  soon(Math.min(RETRY.most, RETRY.least * 2 ** (count - 1)) * (0.75 + 0.5 * Math.random()));
}

function setFailing(since) {
  if (since === failingSince) return;
  failingSince = since;
  document.body.dispatchEvent(new CustomEvent("prism:panels"));
}

// ---------------------------------------------------------------- swapping
/** True when somebody has begun to type or choose in there. */
export function isBeingTypedIn(target) {
  if (!target || !target.querySelectorAll) return false;
  return [...target.querySelectorAll("input:not([type=hidden]), textarea, select")].some((field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected);
    return field.value !== field.defaultValue || (field === document.activeElement && field.tagName === "TEXTAREA");
  });
}

// What differs in two answers that say the same: the masks of the token, and ages, which this page counts itself.
const NOISE = [[/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1"], [/(<time data-(?:age|elapsed)[^>]*>)[^<]*/g, "$1"]];
const meaning = (text) => NOISE.reduce((found, [what, by]) => found.replace(what, by), text);

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target, requestConfig, pathInfo } = event.detail;
  if (!event.detail.shouldSwap || !target) return;
  if (hasMoved(xhr, pathInfo) && (isNews(event.detail) || isWhole(xhr))) {
    // Signed out meanwhile: another page answered. It is shown as a page, not in a panel.
    event.detail.shouldSwap = false;
    if (!isBeingTypedIn(document.body)) reload();
    return;
  }
  if (!isNews(event.detail)) {
    shown.clear();
    keep(target);
    return;
  }
  const key = keyOf(requestConfig.elt);
  const text = meaning(xhr.responseText);
  if (isBeingTypedIn(target)) {
    postpone(event, target);
  } else if (isExpected(target)) {
    holdBack(event);
  } else if (shown.get(key) === text) {
    event.detail.shouldSwap = false;
  } else {
    shown.set(key, text);
    keep(target);
  }
});

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const target = event.detail.target;
  if (isBeingTypedIn(target)) postpone(event, target);
  else if (isExpected(target)) holdBack(event);
  else keep(target);
});

function hasMoved(xhr, pathInfo) {
  if (!xhr.responseURL || !pathInfo) return false;
  return new URL(xhr.responseURL).pathname !== new URL(pathInfo.requestPath, location.href).pathname;
}

// What somebody sent may be answered from another address, by a part.
const isWhole = (xhr) => /^\s*<!doctype/i.test(xhr.responseText);

function postpone(event, target) {
  event.detail.shouldSwap = false;
  shown.clear();
  target.classList.add("outdated");
}

// What was postponed is made up for when the typing was taken back or sent.
document.addEventListener("focusout", (event) => {
  const target = event.target.closest && event.target.closest(".outdated");
  if (!target) return;
  setTimeout(() => {
    if (!target.isConnected || isBeingTypedIn(target)) return;
    target.classList.remove("outdated");
    changed();
  }, 0);
});

// ---------------------------------------------------------------- what a swap keeps
const opened = new Map();
const places = [];
let focused = null;
let selected = null;

function keep(target) {
  target.querySelectorAll("details[id]").forEach((box) => opened.set(box.id, box.open));
  if (!target.id) return;
  target.querySelectorAll("*").forEach((element) => {
    if (element.scrollTop || element.scrollLeft) {
      places.push({ id: target.id, path: pathOf(element, target), top: element.scrollTop, left: element.scrollLeft });
    }
  });
  const active = document.activeElement;
  // htmx itself brings focus back to what has an id.
  if (active && !active.id && active !== target && target.contains(active)) {
    focused = { id: target.id, name: nameOf(active), path: pathOf(active, target) };
  }
  keepSelection(target);
}

// The text that somebody marked to copy it: both of its ends, by where they lie in the part that is drawn anew.
function keepSelection(target) {
  const now = getSelection();
  if (now.isCollapsed || !now.containsNode(target, true)) return;
  const end = (node, offset) => (target.contains(node) ? { path: nodePath(node, target), offset } : { node, offset });
  const ends = [end(now.anchorNode, now.anchorOffset), end(now.focusNode, now.focusOffset)];
  selected = { id: target.id, text: now.toString(), ends };
}

function nodePath(node, root) {
  const path = [];
  for (let one = node; one !== root; one = one.parentNode) path.unshift([...one.parentNode.childNodes].indexOf(one));
  return path;
}

function select({ id, text, ends }) {
  const root = document.getElementById(id);
  const [anchor, focus] = ends.map(({ node, path }) => node || path.reduce((found, index) => found?.childNodes[index], root));
  if (!anchor?.isConnected || !focus?.isConnected) return;
  const [from, to] = ends.map((end, index) => Math.min(end.offset, lengthOf([anchor, focus][index])));
  getSelection().setBaseAndExtent(anchor, from, focus, to);
  // Other words stand there now: nothing is marked rather than those.
  if (getSelection().toString() !== text) getSelection().removeAllRanges();
}

const lengthOf = (node) => (node.nodeType === Node.TEXT_NODE ? node.length : node.childNodes.length);

function pathOf(element, root) {
  const path = [];
  for (let one = element; one !== root; one = one.parentElement) path.unshift([...one.parentElement.children].indexOf(one));
  return path;
}

const follow = (path, root) => path.reduce((found, index) => found && found.children[index], root);
// Two buttons are the same when they send the same to the same address under the same words, numbers aside: what
// Enter does must be what it did. Any button that is no longer there leaves the focus nowhere rather than on another.
function nameOf(element) {
  const said = ["href", "name", "value", "formaction", "data-copy", "aria-label"].map((name) => element.getAttribute(name));
  const text = element.matches("button, summary") ? element.textContent.replace(/[\d\s]+/g, " ").trim() : "";
  return [element.tagName, ...said, element.form?.getAttribute("action"), text].join("|");
}

function restore() {
  opened.forEach((isOpen, id) => {
    const box = document.getElementById(id);
    if (box && box.open !== isOpen) box.open = isOpen;
  });
  opened.clear();
  places.splice(0).forEach(({ id, path, top, left }) => {
    const element = follow(path, document.getElementById(id));
    if (element && !element.dataset.log) Object.assign(element, { scrollTop: top, scrollLeft: left });
  });
  if (focused && document.activeElement === document.body) refocus(focused);
  focused = null;
  if (selected) select(selected);
  selected = null;
}

function refocus({ id, name, path }) {
  const target = document.getElementById(id);
  if (!target) return;
  const exact = follow(path, target);
  const found = exact && nameOf(exact) === name ? exact : [...target.querySelectorAll("a, button, summary, [tabindex]")].find((one) => nameOf(one) === name);
  if (found) found.focus({ preventScroll: true });
}

// At the swap, so that nothing is seen to jump, and again for what came with it.
document.addEventListener("htmx:afterSwap", restore);
document.addEventListener("htmx:afterSettle", () => {
  restore();
  tell();
});

// ---------------------------------------------------------------- what is said
// Elements with data-announce="key" are announced when what they say changed; ages and logs never.
const told = new Map();

function wordsOf(element) {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("time, [aria-hidden=true]").forEach((one) => one.remove());
  const texts = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) found.push(texts.currentNode.data);
  return found.join(" ").replace(/\s+/g, " ").trim();
}

function tell(isSilent = false) {
  document.querySelectorAll("[data-announce]").forEach((element) => {
    const text = wordsOf(element);
    const before = told.get(element.dataset.announce);
    told.set(element.dataset.announce, text);
    if (isSilent || text === before) return;
    announce(text);
    if (before !== undefined) dismiss();
  });
}

tell(true);

document.addEventListener("htmx:responseError", (event) => {
  // What a page asks for by itself is no act of anybody.
  if (!event.detail.requestConfig.triggeringEvent) return;
  // A refusal of an act is a fragment with its message; the panel itself stays as it was.
  const box = document.getElementById("refusal");
  if (box && event.detail.xhr.status !== 404 && !isNews(event.detail)) box.innerHTML = event.detail.xhr.responseText;
});
