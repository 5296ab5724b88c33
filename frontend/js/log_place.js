// The logs of all pods of a place as one: what is new goes in by its time, and each line says whose it is.
import { MOST_KEPT, PodSource } from "./log_pod.js";

const OVERLAP_MS = 10000; // pods are not read in the same moment: a line may come after a later one of another pod
const MOST_KNOWN = 64;

export class PlaceSource extends PodSource {
  /** `{lines, pods, left_out, most_lines}`: the last lines of each pod, or those since a moment, in order. */
  take(answer) {
    this.ends = this.ends || new Map(); // of each pod, the time of its last line and how many lines have it
    this.colours = this.colours || new Map();
    this.known = this.known || new Set();
    answer.pods.forEach((pod) => {
      if (!this.colours.has(pod.name)) this.colours.set(pod.name, { name: pod.short_name, colour: pod.colour });
    });
    const fresh = this.fresh(answer);
    fresh.forEach((line) => this.note(line));
    answer.pods.forEach((pod) => this.known.add(pod.name));
    answer.lines.forEach((line) => { if (line.kind === "left") this.known.delete(line.pod); });
    const isBehind = !this.lines.length || !fresh.length || fresh[0].at >= this.lines[this.lines.length - 1].at;
    const lines = this.lines.concat(fresh);
    if (!isBehind) lines.sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
    this.lines = lines.slice(-MOST_KEPT);
    this.pods = answer.pods;
    this.leftOut = answer.left_out;
    this.sum(answer);
    this.summary.newest_at = this.lines.length ? this.lines[this.lines.length - 1].at : null;
  }

  /** The lines that are not here yet; where some of a pod cannot come any more, a line says so. */
  fresh(answer) {
    const cut = new Set(answer.pods.filter((pod) => pod.is_cut).map((pod) => pod.name));
    const same = new Map();
    const found = [];
    for (const { at, pod, text, level, kind } of answer.lines) {
      const end = kind ? undefined : this.ends.get(pod);
      if (end && !same.has(pod)) {
        same.set(pod, 0);
        if (cut.has(pod) && at > end.at) found.push(this.line_of(at, pod, this.gap, "", "gap"));
      }
      if (end && at < end.at) continue;
      if (end && at === end.at) {
        same.set(pod, same.get(pod) + 1);
        if (same.get(pod) <= end.n) continue;
      }
      found.push(this.line_of(at, pod, text, level, kind));
    }
    return found;
  }

  line_of(at, name, text, level, kind) {
    const pod = this.colours.get(name) || { name, colour: "" };
    return { at, of: name, pod, text, length: text.length, level, kind };
  }

  note(line) {
    if (line.kind) return;
    const end = this.ends.get(line.of);
    if (end && end.at === line.at) end.n += 1;
    else this.ends.set(line.of, { at: line.at, n: 1 });
  }

  address() {
    const query = new URLSearchParams();
    const newest = [...this.ends.values()].reduce((last, end) => (end.at > last ? end.at : last), "");
    if (newest) query.set("since", new Date(Date.parse(newest) - OVERLAP_MS).toISOString());
    [...this.known].slice(-MOST_KNOWN).forEach((name) => query.append("known", name));
    return `${this.url}&${query}`;
  }

  standing(words) {
    const facts = [words.say("polled", { age: words.age(performance.now() - this.heard) })];
    facts.push(words.say("of_each", { k: this.pods.length, n: this.summary.most_lines }));
    if (this.leftOut) facts.push(words.say("left_out", { n: this.leftOut }));
    return facts.join(" · ");
  }

  /** Whose lines these are, with each pod's state, and why some have none. */
  legend(find, words) {
    const stamp = JSON.stringify(this.pods);
    if (this.stamp === stamp) return;
    this.stamp = stamp;
    const rows = this.pods.map((pod) => {
      const row = document.createElement("li");
      const link = document.createElement("a");
      const sign = document.createElement("i");
      const name = document.createElement("code");
      sign.className = `ansi-${this.colours.get(pod.name).colour}`;
      name.textContent = pod.short_name;
      link.href = `?pod=${encodeURIComponent(pod.name)}`;
      link.title = pod.name;
      link.append(sign, name);
      row.append(link, ` ${pod.state_word}`);
      return row;
    });
    if (!rows.length) rows.push(Object.assign(document.createElement("li"), { textContent: words.say("no_pod") }));
    find("[data-log-pods]").replaceChildren(...rows);
    const troubles = this.pods.filter((pod) => pod.trouble).map((pod) => `${pod.short_name}: ${pod.trouble}`);
    find("[data-log-missing]").textContent = troubles.join(" · ");
  }
}

/** Logs that the cluster is asked for; any other is stored. */
export const KINDS = { pod: PodSource, place: PlaceSource };
