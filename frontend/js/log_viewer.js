// The log viewer: sixty rows of however many lines, what the reader chose, and the address bar that says so.
// Comes by import() on pages with [data-log-viewer]; without it the log's end is text and the whole log a link.
import { write } from "./copy.js";
import { addressOf, chosenIn, keepLiking, liking } from "./log_choice.js";
import { Drawing } from "./log_draw.js";
import { Frame } from "./log_frame.js";
import { KINDS } from "./log_place.js";
import { Rows, openAtFirst, sectionOf } from "./log_rows.js";
import { Search } from "./log_search.js";
import { Source } from "./log_source.js";
import { patternOf } from "./log_text.js";
import { Window } from "./log_window.js";
import { Words } from "./log_words.js";
import { announce } from "./messages.js";

const NARROW = matchMedia("(max-width: 768px)");
const FRESH_MS = 1000;
const viewers = new Map();

class Viewer {
  constructor(element) {
    this.element = element;
    this.find = (selector) => element.querySelector(selector);
    this.view = this.find("[data-log-view]");
    this.words = new Words(element);
    this.data = JSON.parse(this.find("script[type='application/json']").textContent);
    this.start();
    this.listen();
    this.draw();
    this.open();
  }

  // ------------------------------------------------------------ the beginning
  start() {
    const { element, words } = this;
    const Kind = KINDS[element.dataset.logViewer] || Source;
    this.source = new Kind(element.dataset.url, this.data, () => this.changed(), words);
    const { summary, isReceiving } = this.source;
    this.rows = new Rows();
    this.drawing = new Drawing({ words, sprite: element.dataset.sprite, link: element.dataset.link });
    this.chosen = chosenIn(location.hash);
    this.isFollowing = !this.chosen && this.data.opens_at === "end" && isReceiving;
    this.lines = summary.lines;
    this.seenSections = summary.sections.length;
    const hasFailed = this.data.opens_at === "error";
    const line = this.chosen ? this.chosen.first : hasFailed ? summary.first_error : 0;
    this.opened = openAtFirst(summary.sections, { isReceiving, hasFailed, line });
    this.rebuild();
    this.window = new Window(this.view, {
      draw: (row, known) => this.row(row, known),
      keyOf: (row) => this.rows.at(row).key,
      isHeld: () => this.isFollowing,
      drawn: (first, last) => this.want(first, last),
      taller: () => this.rows.heads,
    });
    this.search = new Search(this.find("[data-log-search]"), {
      source: this.source, words, go: (line) => this.go(line), changed: () => this.searched(),
    });
    this.frame = new Frame(this);
    this.set("wrap", liking("wrap", NARROW.matches), false);
    this.set("times", liking("times", !NARROW.matches), false);
    element.classList.add("is-live");
    this.clock = setInterval(() => this.tick(), FRESH_MS);
  }

  /** Where the reader asked to be; else at the first error of a failed build; else at the end, or the beginning. */
  open() {
    this.window.resize(this.rows.count);
    if (this.chosen) this.hashed();
    else if (this.data.opens_at === "error") this.atError({ line: this.data.first_error, position: 1 });
    else if (this.data.opens_at === "end") this.toEnd();
    const query = new URLSearchParams(location.search).get("q");
    if (query) {
      this.search.input.value = query;
      this.search.start(query, this.chosen ? {} : { from: 0 });
    }
  }

  // ------------------------------------------------------------ rows
  rebuild() {
    this.rows.build(this.source.summary.lines, this.source.summary.sections, this.opened);
  }

  row(row, known) {
    const { line, section } = this.rows.at(row);
    if (section) return this.drawing.section(section, known, this.opened.has(section.first));
    return this.drawing.line(line, this.source.line(line), known, {
      isMissing: this.source.isMissing(line),
      isChosen: Boolean(this.chosen && line >= this.chosen.first && line <= this.chosen.last),
      isCurrent: line === this.current,
    });
  }

  want(first, last) {
    const ranges = [];
    for (let row = first; row <= last; row += 1) {
      const { line } = this.rows.at(row);
      const range = ranges[ranges.length - 1];
      if (line && range && line === range[1] + 1) range[1] = line;
      else if (line) ranges.push([line, line]);
    }
    this.source.want(ranges);
  }

  /** The source has more lines, or other ones. */
  changed() {
    const { summary } = this.source;
    const heads = String(this.rows.heads);
    const isGrown = summary.lines !== this.lines || summary.sections.length !== this.seenSections;
    this.lines = summary.lines;
    if (this.version !== summary.version) this.drawing.whole.clear();
    this.version = summary.version;
    // A stage that begins under the reader's eyes is open; the ones before stay as they are.
    summary.sections.slice(this.seenSections).forEach((section) => this.opened.add(section.first));
    this.seenSections = summary.sections.length;
    if (!this.source.isReceiving) this.isFollowing = false;
    this.rebuild();
    // A new stage, or lines that turned out to be of the one before: rows have other numbers now.
    if (String(this.rows.heads) !== heads) this.window.forget();
    this.window.resize(this.rows.count);
    if (isGrown) this.search.grown();
    this.draw();
  }

  /** Fold or unfold; the head stays under the pointer. */
  fold(first) {
    const head = () => this.rows.blocks.find((block) => block.section && block.section.first === first).row;
    const before = head();
    if (!this.opened.delete(first)) this.opened.add(first);
    this.letGo();
    this.element.classList.remove("is-short");
    this.rebuild();
    this.window.resize(this.rows.count, before, head());
    this.draw();
  }

  letGo() {
    if (this.isFollowing) this.leftAt = this.source.summary.lines;
    this.isFollowing = false;
  }

  // ------------------------------------------------------------ going somewhere
  go(line, { isChoice = false } = {}) {
    const section = sectionOf(this.source.summary.sections, line);
    if (section && !this.opened.has(section.first)) {
      this.opened.add(section.first);
      this.rebuild();
      this.window.forget();
      this.window.resize(this.rows.count);
    }
    this.letGo();
    if (!isChoice) this.current = line;
    this.window.show(this.rows.of(line));
    this.draw();
  }

  toEnd() {
    this.isFollowing = this.source.isReceiving;
    this.leftAt = 0;
    this.window.scroll(this.window.total);
    this.window.render();
    this.draw();
  }

  follow() {
    if (this.isFollowing) {
      this.letGo();
      this.draw();
    } else this.toEnd();
  }

  async toError(direction, line) {
    try {
      const found = await this.source.mark(direction, line);
      if (found.line) this.atError(found);
    } catch {
      this.source.failed(new Error());
      this.frame.say();
    }
  }

  atError(found) {
    this.error = found.line;
    this.errorPlace = found.position;
    this.go(found.line);
  }

  /** First the first one, then the next, and after the last the first again. */
  nextError() {
    const { summary } = this.source;
    if (!summary.first_error) return;
    if (!this.error || this.errorPlace >= summary.errors) this.atError({ line: summary.first_error, position: 1 });
    else this.toError("after", this.error);
  }

  searched() {
    this.drawing.pattern = patternOf(this.search.text);
    if (!this.search.text) this.current = 0;
    this.window.render();
  }

  // ------------------------------------------------------------ what a reader chooses
  choose(line, isRange) {
    const from = isRange && this.chosen ? this.chosen.anchor || this.chosen.first : line;
    this.chosen = { first: Math.min(from, line), last: Math.max(from, line), anchor: from };
    history.replaceState(history.state, "", this.address());
    this.letGo();
    this.window.render();
    this.draw();
  }

  address() {
    return addressOf(this.chosen, this.element.dataset.link);
  }

  async copy(button) {
    try {
      await write(this.address());
    } catch {
      return;
    }
    const text = button.lastChild;
    text.textContent = this.words.say("copied");
    announce(this.words.say("copied"));
    setTimeout(() => { text.textContent = this.words.say("copy"); }, 1500);
  }

  set(name, value, isKept = true) {
    this[name] = value;
    this.element.classList.toggle(`is-${name}`, value);
    this.find(`[data-log-act="${name}"]`).setAttribute("aria-pressed", String(value));
    if (isKept) keepLiking(name, value);
    const top = this.window.rowAt(this.window.position);
    this.window.measures = this.wrap;
    this.window.resize(this.rows.count, top, top);
    if (this.clock) this.draw();
  }

  async showAll(button) {
    const number = Number(button.dataset.logMore);
    const { version } = this.source.summary;
    button.disabled = true;
    try {
      const line = await this.source.whole(number);
      if (this.source.summary.version === version) this.drawing.whole.set(number, line);
      this.window.render();
    } catch {
      button.disabled = false;
    }
  }

  // ------------------------------------------------------------ listening
  listen() {
    this.ending = new AbortController();
    const { signal } = this.ending;
    this.view.addEventListener("scroll", () => this.scrolled(), { passive: true, signal });
    this.element.addEventListener("click", (event) => this.clicked(event), { signal });
    addEventListener("hashchange", () => this.hashed(), { signal });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.more(); }, { signal });
    // Caught on the way down: a sender may do it on the body, and without bubbling.
    const caught = { signal, capture: true };
    document.addEventListener("prism:events", (event) => this.heard(event), caught);
    document.addEventListener("prism:signal", (event) => { if (event.detail.kinds.includes("log")) this.more(); }, caught);
    document.addEventListener("prism:changed", () => this.more(), caught);
    document.addEventListener("prism:back", () => this.back(), caught);
    document.addEventListener("prism:key", (event) => {
      if (this.press(event.detail.key)) event.preventDefault();
    }, caught);
    document.addEventListener("click", (event) => this.linked(event), { signal });
  }

  /** A link elsewhere on the page to a line of this log: no need to load the page again. */
  linked(event) {
    const link = event.target.closest("a[href*='#L']");
    if (!link || this.element.contains(link) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const chosen = chosenIn(link.hash);
    const asked = new URLSearchParams(link.search);
    const isHere = link.pathname === location.pathname && [...new URLSearchParams(this.element.dataset.link)].every(([name, value]) => asked.get(name) === value);
    if (!chosen || !isHere) return;
    event.preventDefault();
    history.pushState(history.state, "", link.href);
    this.hashed();
  }

  heard(event) {
    if ((event.detail.events || []).some((one) => one.kind.startsWith("build."))) this.more();
  }

  back() {
    this.source.abandon();
    this.more();
  }

  more() {
    if (this.source.isReceiving) this.source.refresh(this.isFollowing);
  }

  scrolled() {
    if (this.window.isReaders) {
      if (this.isFollowing && !this.window.isAtEnd) {
        this.letGo();
        this.draw();
      } else if (!this.isFollowing && this.window.isAtEnd && this.source.isReceiving) {
        this.isFollowing = true;
        this.draw();
      }
      // At the end it is kept there from now on, as if this code had gone there.
      this.window.set = this.isFollowing ? this.view.scrollTop : -1;
    }
    this.window.later();
  }

  clicked(event) {
    const number = event.target.closest(".log-n");
    const fold = event.target.closest("[data-log-fold]");
    const more = event.target.closest("[data-log-more]");
    const act = event.target.closest("[data-log-act]");
    if (number && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.choose(Number(number.parentElement.dataset.line), event.shiftKey);
    } else if (fold) this.fold(Number(fold.dataset.logFold));
    else if (more) this.showAll(more);
    else if (act) this.act(act.dataset.logAct, act);
  }

  act(name, button) {
    const { summary } = this.source;
    const acts = {
      follow: () => this.follow(),
      end: () => this.toEnd(),
      "first-error": () => this.atError({ line: summary.first_error, position: 1 }),
      "error-after": () => this.nextError(),
      "error-before": () => this.toError("before", this.error || summary.lines + 1),
      "hit-before": () => this.search.step(-1),
      wrap: () => this.set("wrap", !this.wrap),
      times: () => this.set("times", !this.times),
      copy: () => this.copy(button),
    };
    acts[name]();
  }

  /** A key of the page, as the keys module names it; true when something came of it. */
  press(key) {
    const { first_error: error } = this.source.summary;
    if (key === "first-error" && error) this.nextError();
    else if (key === "follow" && this.source.isReceiving) this.follow();
    else if (key === "search") this.search.input.focus();
    else return false;
    this.reveal();
    return true;
  }

  /** The log itself into the window, for what happens in it. */
  reveal() {
    const { top, bottom } = this.view.getBoundingClientRect();
    if (top < 0 || bottom > innerHeight) this.element.scrollIntoView({ block: bottom - top < innerHeight - 120 ? "center" : "start" });
  }

  hashed() {
    const chosen = chosenIn(location.hash);
    if (!chosen) return;
    this.chosen = chosen;
    this.go(chosen.first, { isChoice: true });
    this.reveal();
  }

  stop() {
    clearInterval(this.clock);
    this.ending.abort();
    this.source.stop();
  }

  tick() {
    if (!document.hidden && (this.source.isReceiving || this.source.trouble)) this.frame.say();
  }

  draw() {
    this.frame.draw();
  }
}

/** Start the viewers that have come into the page, end those that have left it. */
export function start(root = document) {
  for (const [element, viewer] of viewers) {
    if (element.isConnected) continue;
    viewer.stop();
    viewers.delete(element);
  }
  root.querySelectorAll("[data-log-viewer]").forEach((element) => {
    if (!viewers.has(element)) viewers.set(element, new Viewer(element));
  });
}

/** "first-error", "follow" or "search": a key for the page's log. */
export function press(key) {
  return [...viewers.values()].map((viewer) => viewer.press(key)).some(Boolean);
}

start();
document.addEventListener("htmx:afterSettle", () => start());
