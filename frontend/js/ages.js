// <time data-age datetime="…"> says how long ago, in one unit, rounded down: as foundation/templatetags/ui.py wrote it.
// It counts on without a request, whether the page is live or not; so does <time data-elapsed>, "1:21" since it began.
import { now } from "./clock.js";
import { word } from "./messages.js";

const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const language = document.documentElement.lang || "en";
const isChinese = language.startsWith("zh");
// Chinese: "3 秒前" is the short style, the long one says "秒钟"; between figure and word stands a space.
const relative = new Intl.RelativeTimeFormat(language, { style: isChinese ? "short" : "long" });
const spans = new Map();

function unitOf(seconds) {
  return UNITS.find(([, size]) => seconds >= size) || UNITS[UNITS.length - 1];
}

function spaced(parts) {
  const text = parts.map((part) => part.value).join("");
  return isChinese ? text.replace(/(\d)(?=[^\d\s.,])/g, "$1 ") : text;
}

/** "3 minutes ago" for a moment (ms since 1970); null for one that has not come. */
export function age(moment) {
  const seconds = Math.floor((now() - moment) / 1000);
  if (seconds < 1) return seconds > -5 ? word("just_now") : null;
  const [unit, size] = unitOf(seconds);
  return spaced(relative.formatToParts(-Math.floor(seconds / size), unit));
}

/** "12 sec", "3 min": how long, in one unit. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [unit, size] = unitOf(seconds);
  if (!spans.has(unit)) spans.set(unit, new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }));
  return spaced(spans.get(unit).formatToParts(Math.floor(seconds / size)));
}

const SHORT = {
  year: (values) => word("short_year", values),
  day: (values) => word("short_day", values),
  hour: (values) => word("short_hour", values),
  minute: (values) => word("short_minute", values),
  second: (values) => word("short_second", values),
};

/** "3 min", as the server wrote it where there is little space. */
function shortAge(moment) {
  const seconds = Math.max(0, Math.floor((now() - moment) / 1000));
  const [unit, size] = seconds < 31536000 && seconds >= 2592000 ? ["day", 86400] : unitOf(seconds);
  return SHORT[unit]({ n: Math.floor(seconds / size) });
}

/** "1:21", as foundation/durations.py writes it. */
function elapsed(moment) {
  const seconds = Math.max(0, Math.floor((now() - moment) / 1000));
  const two = (part) => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

function textOf(element, moment) {
  if ("elapsed" in element.dataset) return elapsed(moment);
  return element.dataset.age === "short" ? shortAge(moment) : age(moment);
}

/** Bring every age below `root` up to date. */
export function tick(root = document) {
  root.querySelectorAll("time[data-age], time[data-elapsed]").forEach((element) => {
    const moment = Date.parse(element.dateTime);
    const text = Number.isNaN(moment) ? null : textOf(element, moment);
    if (text && element.textContent !== text) element.textContent = text;
  });
}

function next() {
  // Nobody sees a hidden page; it is right before it is seen again.
  if (!document.hidden) tick();
  setTimeout(next, 1000 - (Date.now() % 1000));
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
addEventListener("pageshow", (event) => { if (event.persisted) tick(); });
document.addEventListener("htmx:afterSettle", () => tick());
setTimeout(next, 1000);
