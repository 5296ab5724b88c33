// A pod's log: the cluster is asked for the last lines again and again; what is new goes behind what is there.
import { RefusedError } from "./log_source.js";

const PAUSE_MS = 2000;
const DEADLINE_MS = 15000; // the cluster may be slow, and a connection may have died silently
export const MOST_KEPT = 20000;
const OVERLAP = 20;
const ESCAPE = /\x1b\[[0-?]*[ -/]*[@-~]/g;

export class PodSource {
  constructor(url, summary, changed, words) {
    Object.assign(this, { url, changed, summary, trouble: "", tries: 0, lines: [], gap: words.say("gap") });
    this.isReceiving = summary.is_followed;
    this.heard = performance.now();
    this.take(summary);
    if (this.isReceiving) this.timer = setTimeout(() => this.refresh(), PAUSE_MS);
  }

  /** `{text, errors, warnings, most_lines}`; errors and warnings are places in the text's lines, from 0. */
  take(answer) {
    const text = answer.text.replace(/\n$/, "");
    const fresh = (text ? text.split("\n") : []).map((line) => ({ text: line, length: line.length, level: "", at: null }));
    answer.errors.forEach((place) => { fresh[place].level = "error"; });
    answer.warnings.forEach((place) => { fresh[place].level = "warning"; });
    this.lines = fresh.length < answer.most_lines ? fresh : this.joined(fresh);
    this.sum(answer);
  }

  sum(answer) {
    const { lines } = this;
    lines.forEach((line, place) => { line.line = place + 1; });
    const count = (level) => lines.filter((line) => line.level === level).length;
    const first = lines.findIndex((line) => line.level === "error");
    this.summary = {
      state: "polled", lines: lines.length, bytes: lines.reduce((sum, line) => sum + line.text.length + 1, 0),
      errors: count("error"), warnings: count("warning"), first_error: first < 0 ? null : first + 1,
      sections: [], most_lines: answer.most_lines,
    };
  }

  /** Behind the lines that both have; where nothing is the same, more came than one answer holds. */
  joined(fresh) {
    const known = this.lines;
    if (!known.length) return fresh;
    const tail = known.slice(-Math.min(OVERLAP, fresh.length)).map((line) => line.text);
    for (let start = fresh.length - tail.length; start >= 0; start -= 1) {
      if (tail.every((text, place) => fresh[start + place].text === text)) {
        return known.concat(fresh.slice(start + tail.length)).slice(-MOST_KEPT);
      }
    }
    return known.concat([{ text: this.gap, length: this.gap.length, level: "", at: null }], fresh).slice(-MOST_KEPT);
  }

  address() {
    return this.url;
  }

  async refresh() {
    clearTimeout(this.timer);
    if (this.isAsking) return;
    this.isAsking = true;
    this.isAbandoned = false;
    this.leash = new AbortController();
    const deadline = setTimeout(() => this.leash.abort(), DEADLINE_MS);
    try {
      const answer = await fetch(this.address(), { headers: { Accept: "application/json" }, signal: this.leash.signal });
      if ([401, 403, 404].includes(answer.status)) throw new RefusedError();
      if (!answer.ok) throw new Error(answer.status === 502 ? "cluster" : "away");
      this.take(await answer.json());
      Object.assign(this, { trouble: "", tries: 0, heard: performance.now() });
    } catch (error) {
      this.tries += 1;
      this.trouble = error instanceof RefusedError ? "refused" : error.message === "cluster" ? "cluster" : "away";
    }
    clearTimeout(deadline);
    this.isAsking = false;
    this.changed();
    if (this.isAbandoned && !this.isStopped) this.refresh();
    else this.wait();
  }

  /** What is under way goes nowhere: the way to the server is a new one. */
  abandon() {
    this.isAbandoned = this.isAsking;
    if (this.isAsking) this.leash.abort();
  }

  wait() {
    if (this.trouble === "refused" || this.isStopped) return;
    const pause = this.tries ? Math.min(15000, PAUSE_MS * 2 ** this.tries) : PAUSE_MS;
    this.timer = setTimeout(() => (document.hidden ? this.wait() : this.refresh()), pause);
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.changed = () => {};
  }

  standing(words) {
    return [words.say("polled", { age: words.age(performance.now() - this.heard) }), words.say("limit", { n: this.summary.most_lines })].join(" · ");
  }

  line(number) {
    return this.lines[number - 1];
  }

  isMissing() {
    return false;
  }

  want() {}

  mark(direction, from) {
    const places = this.lines.filter((line) => line.level === "error").map((line) => line.line);
    const way = direction === "after" ? places.filter((line) => line > from)[0] : places.filter((line) => line < from).pop();
    return { line: way || null, position: places.indexOf(way) + 1, total: places.length };
  }

  search(text, first) {
    const wanted = text.toLowerCase();
    const found = this.lines.filter((line) => line.line >= first && line.text.replace(ESCAPE, "").toLowerCase().includes(wanted));
    return { lines: found.map((line) => line.line), next: null };
  }

  whole(number) {
    return this.line(number);
  }
}
