// The rows of a log as elements: a line, or the head of a stage.
import { fill } from "./log_text.js";

const SIGNS = { error: "failed", warning: "alert" };
const STATES = { succeeded: "succeeded", failed: "failed", unstable: "alert", aborted: "cancelled" };

function make(name, className, text) {
  const element = document.createElement(name);
  element.className = className;
  if (text) element.textContent = text;
  return element;
}

export class Drawing {
  constructor({ words, sprite, link }) {
    Object.assign(this, { words, sprite, link, pattern: null, whole: new Map() });
  }

  icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${this.sprite}#${name}`);
    svg.append(use);
    return svg;
  }

  // -------------------------------------------------------------- a line
  /** `line` undefined: it is on its way; `isMissing`: it will not come. Draws anew only what changed. */
  line(number, line, element, { isMissing, isChosen, isCurrent }) {
    const row = element || this.emptyLine(number);
    row.classList.toggle("is-chosen", isChosen);
    row.classList.toggle("is-current", isCurrent);
    const shown = this.whole.get(number) || line;
    const stamp = `${shown ? `${shown.text.length}:${shown.length}` : isMissing}|${this.pattern}`;
    if (row.dataset.stamp === stamp && row.line === shown) return row;
    row.dataset.stamp = stamp;
    row.line = shown;
    const { time, sign, text } = row.cells;
    text.classList.toggle("is-coming", !shown && !isMissing);
    if (!shown) {
      text.textContent = isMissing ? this.words.say("not_kept") : "";
      return row;
    }
    this.time(time, shown.at);
    if (shown.pod) this.pod(row, shown);
    this.sign(row, sign, shown.level);
    fill(text, shown.text, this.pattern);
    if (shown.length > shown.text.length) text.append(this.more(number, shown.length));
    return row;
  }

  emptyLine(number) {
    const row = make("div", "log-row");
    row.dataset.line = number;
    const link = make("a", "log-n", String(number));
    link.href = `${this.link}#L${number}`;
    link.tabIndex = -1; // sixty stops of the tab key would stand before what follows the log
    row.cells = { time: make("time", "log-at"), sign: make("span", "log-sign"), text: make("span", "log-text") };
    row.append(link, ...Object.values(row.cells));
    return row;
  }

  /** Whose line it is, by name and by colour. */
  pod(row, { pod, of, kind }) {
    const cell = row.cells.pod || (row.cells.pod = make("span", ""));
    cell.className = `log-pod ansi-${pod.colour}`;
    cell.textContent = pod.name;
    cell.title = of;
    row.classList.toggle("is-said", Boolean(kind));
    row.cells.time.after(cell);
  }

  time(element, at) {
    if (!at) return;
    const moment = new Date(at);
    element.textContent = this.words.clock.format(moment);
    element.title = `${this.words.date.format(moment)} · ${moment.toISOString().slice(11, 19)} UTC`;
    element.dateTime = at;
  }

  sign(row, element, level) {
    row.classList.toggle("is-error", level === "error");
    row.classList.toggle("is-warning", level === "warning");
    element.replaceChildren();
    if (!level) return;
    element.title = this.words.say(`is_${level}`);
    element.append(this.icon(SIGNS[level]), make("span", "visually-hidden", `${element.title}: `));
  }

  more(number, length) {
    const button = make("button", "log-more", this.words.say("show_all", { n: length }));
    button.type = "button";
    button.dataset.logMore = number;
    return button;
  }

  // -------------------------------------------------------------- a stage
  section(section, element, isOpen) {
    const row = element || this.emptySection(section);
    const stamp = JSON.stringify([section, isOpen]);
    if (row.dataset.stamp === stamp) return row;
    row.dataset.stamp = stamp;
    const button = row.firstElementChild;
    button.setAttribute("aria-expanded", String(isOpen));
    const parts = [this.icon(isOpen ? "chevron-down" : "chevron-right"), this.state(section.state), make("b", "", section.name)];
    parts.push(make("span", "log-fact", this.facts(section)));
    for (const [name, level] of [["error", "errors"], ["warning", "warnings"]]) {
      if (!section[level]) continue;
      const count = make("span", `log-fact is-${name}`);
      count.append(this.icon(SIGNS[name]), document.createTextNode(this.words.count(name, section[level])));
      parts.push(count);
    }
    button.replaceChildren(...parts.filter(Boolean));
    return row;
  }

  emptySection(section) {
    const row = make("div", "log-row log-stage");
    const button = make("button", "log-fold");
    button.type = "button";
    button.dataset.logFold = section.first;
    row.append(button);
    return row;
  }

  state(state) {
    if (state === "running") {
      const spin = make("span", "log-state is-running");
      spin.append(make("span", "spin"), make("span", "visually-hidden", this.words.say("running")));
      return spin;
    }
    if (!STATES[state]) return null;
    const sign = make("span", `log-state is-${state}`);
    sign.append(this.icon(STATES[state]));
    if (state === "failed") sign.append(make("span", "visually-hidden", this.words.say("failed")));
    return sign;
  }

  facts(section) {
    const facts = [this.words.count("line", section.end - section.first + 1)];
    if (section.state === "running") facts.push(this.words.say("running"));
    else if (section.seconds !== null) facts.push(this.words.lasted(section.seconds));
    return facts.join(" · ");
  }
}
