// What is new comes to the page by one socket, for any number of topics: those of the body (data-topic,
// with data-after, the order's last event that the page has) and of panels (data-topics). Orders are replayed from
// that event on; the page says how old it is and is told whether it must look again. Others listen on the body:
// prism:events {topic, events}, in order, each event once; prism:signal {topic, kinds}; prism:back, after an absence.
import { span } from "./ages.js";
import * as clock from "./clock.js";
import { Connection } from "./connection.js";
import { changed, isBeingTypedIn, renew, staleSince, topicsOf } from "./panels.js";
import { announce } from "./messages.js";
import { reload } from "./reload.js";

const MOST_TOPICS = 64;
const BEHIND = 3000;
const OFFLINE_AFTER = 2000;
// A panel that was drawn a moment ago is as fresh as the page while its topics are being confirmed (ms).
const CONFIRMED_WITHIN = 1500;
const SAID_AFTER = 2000;
// A panel that brought a new topic was drawn at most so long ago (ms).
const NEW_TOPIC = 10000;
const FROM_THE_END = Number.MAX_SAFE_INTEGER;

const body = document.body;
const cursors = new Map();
const born = new Map();
const subscribed = new Set();
const confirmed = new Set();
let behind = 0;
let wasOpen = false;
let wasRight = false;
let openedAt = 0;
let widenedAt = 0;
// The moment up to which everything that happened is on this page, or on its way.
let rightAt = wasKept() ? 0 : performance.timeOrigin;

function wasKept() {
  // A page from the browser's own store is as old as the visit before.
  const [entry] = performance.getEntriesByType("navigation");
  return Boolean(entry && entry.type === "back_forward");
}

const isOrder = (topic) => topic.startsWith("order:");

function wanted() {
  const found = new Set((body.dataset.topic || "").split(",").map((one) => one.trim()).filter(Boolean));
  document.querySelectorAll("[data-topics]").forEach((panel) => topicsOf(panel).forEach((topic) => found.add(topic)));
  return [...found].slice(0, MOST_TOPICS);
}

function wish(topic) {
  const drawn = Math.max(rightAt, born.get(topic) || 0);
  const age = Math.max(0, Date.now() - drawn) / 1000;
  if (!isOrder(topic)) return { topic, age };
  return { topic, age, after: cursors.has(topic) ? cursors.get(topic) : FROM_THE_END };
}

function subscribe(topics) {
  if (!topics.length) return;
  topics.forEach((topic) => subscribed.add(topic));
  connection.send({ type: "subscribe", topics: topics.map(wish) });
}

/** Subscribes to what the page shows now, and to nothing else. */
function follow() {
  const topics = wanted();
  const gone = [...subscribed].filter((topic) => !topics.includes(topic));
  const fresh = topics.filter((topic) => !subscribed.has(topic));
  gone.forEach((topic) => [subscribed, confirmed, cursors, born].forEach((kept) => kept.delete(topic)));
  if (topics.length) begin();
  if (!connection.isOpen) return;
  if (gone.length) connection.send({ type: "unsubscribe", topics: gone.map((topic) => ({ topic })) });
  fresh.forEach((topic) => born.set(topic, Date.now() - NEW_TOPIC));
  if (fresh.length && confirmed.size === subscribed.size) widenedAt = Date.now();
  subscribe(fresh);
}

// ---------------------------------------------------------------- messages
function hear(message) {
  if (message.type === "events") takeEvents(message);
  else if (message.type === "signal") takeSignal(message);
  else if (message.type === "changed") changed(message.topic);
  else if (message.type === "subscribed") takeSubscribed(message);
  else if (message.type === "refused") confirmed.add(message.topic);
  else if (message.type === "pong") takePong(message);
  else if (message.type === "gone") leave();
  show();
}

// Signed out elsewhere, or a right ended: the server says on a new page what is left, unless that would take away what
// somebody types. The dot then says that nothing comes any more.
function leave() {
  if (isBeingTypedIn(body)) connection.end();
  else reload();
}

function takeSubscribed({ topic, last_seq: last }) {
  confirmed.add(topic);
  if (!isOrder(topic)) return;
  const cursor = cursors.get(topic);
  // Nobody knows what was before a cursor without a beginning, or of another database: look once.
  if (cursor === undefined || cursor > last) {
    cursors.set(topic, last);
    changed(topic);
  }
}

function takeEvents({ topic, events }) {
  const cursor = cursors.get(topic);
  if (cursor === undefined) return;
  const fresh = events.filter((event) => event.seq > cursor);
  if (!fresh.length) return;
  if (fresh[0].seq > cursor + 1) {
    subscribe([topic]);
    return;
  }
  cursors.set(topic, fresh[fresh.length - 1].seq);
  body.dispatchEvent(new CustomEvent("prism:events", { bubbles: true, detail: { topic, events: fresh } }));
  changed(topic);
}

// What changes all the time has no event. Growing logs are read by their viewers, pods are to be seen in panels.
function takeSignal({ topic, kinds }) {
  body.dispatchEvent(new CustomEvent("prism:signal", { bubbles: true, detail: { topic, kinds } }));
  if (kinds.includes("pods")) changed(topic);
}

function takePong(message) {
  // "changed" for what happened during an absence comes a moment after the socket.
  const isSettled = Date.now() - openedAt > 1000 && subscribed.size === confirmed.size;
  if (message.now && message.took !== undefined) clock.set(message.now * 1000, message.took);
  behind = (message.behind || 0) * 1000;
  if (isSettled) rightAt = Math.max(rightAt, Date.now() - behind);
}

// ---------------------------------------------------------------- the dot
let said = "";
let sayTimer = 0;

function how() {
  if (!connection.isOpen) {
    if (!wasOpen && !connection.failures && !connection.isOver && Date.now() - connection.lostAt < OFFLINE_AFTER) return "wait";
    const isCertain = connection.isOver || connection.failures || Date.now() - connection.lostAt > OFFLINE_AFTER;
    return isCertain ? "off" : "late";
  }
  if (behind > BEHIND || staleSince()) return "late";
  if (confirmed.size < subscribed.size && Date.now() - widenedAt > CONFIRMED_WITHIN) return wasRight ? "late" : "wait";
  wasRight = true;
  return "ok";
}

function wordFor(texts, state) {
  const name = `live${state[0].toUpperCase()}${state.slice(1)}`;
  const moment = state === "late" && staleSince() ? Math.min(staleSince(), rightAt) : rightAt;
  const gone = Date.now() - moment;
  const pattern = texts[`${name}Since`];
  return pattern && moment && gone >= 1000 ? pattern.replace("{age}", span(gone)) : texts[name] || "";
}

function show() {
  const state = how();
  document.querySelectorAll("[data-live]").forEach((box) => {
    const word = box.querySelector("[data-live-word]");
    const text = wordFor(word.dataset, state);
    if (box.dataset.live !== state) box.dataset.live = state;
    if (text && word.textContent !== text) word.textContent = text;
  });
  say(state);
}

// Announced when it has lasted, and never at each tick of the age.
function say(state) {
  if (state === "ok" && !said) said = "ok";
  if (state === "wait" || !said || state === said) {
    clearTimeout(sayTimer);
    sayTimer = 0;
    return;
  }
  sayTimer = sayTimer || setTimeout(() => {
    sayTimer = 0;
    const now = how();
    if (now === said) return;
    said = now;
    const word = document.querySelector("[data-live-word]");
    if (word) announce(word.dataset[`live${now[0].toUpperCase()}${now.slice(1)}`]);
  }, SAID_AFTER);
}

// ---------------------------------------------------------------- the socket
function opens() {
  subscribed.clear();
  confirmed.clear();
  behind = 0;
  openedAt = Date.now();
  widenedAt = 0;
  subscribe(wanted());
  if (wasOpen) {
    renew();
    body.dispatchEvent(new CustomEvent("prism:back", { bubbles: true }));
  }
  wasOpen = true;
}

function changes() {
  // Signed out: the page behind the sign-in is the way on, unless that would take away what somebody types.
  if (connection.isOver && wasRight && !isBeingTypedIn(body)) reload();
  show();
}

const scheme = location.protocol === "https:" ? "wss" : "ws";
const connection = new Connection(`${scheme}://${location.host}/ws/live/`, { hears: hear, opens, changes });

let hasBegun = false;

function begin() {
  if (hasBegun) return;
  hasBegun = true;
  connection.start();
  setInterval(show, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) show(); });
  body.addEventListener("prism:panels", show);
}

wanted().filter(isOrder).forEach((topic) => cursors.set(topic, Number(body.dataset.after || 0)));
follow();
document.addEventListener("htmx:afterSettle", follow);
