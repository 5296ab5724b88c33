// Head and foot of the log viewer: buttons as they can be pressed, counts, and what is known of the log, with its age.
export class Frame {
  /** `of`: the viewer. */
  constructor(of) {
    Object.assign(this, { of, words: of.words, source: of.source, find: of.find });
  }

  draw() {
    const { summary } = this.source;
    Object.assign(this.of.element.dataset, { lines: summary.lines, bytes: summary.bytes });
    this.of.element.classList.toggle("has-times", Boolean(summary.newest_at) || summary.state === "receiving");
    this.of.element.classList.toggle("is-empty", !summary.lines);
    if (!summary.lines) this.of.view.dataset.empty = this.words.say(this.source.isReceiving ? "empty" : summary.state === "gone" ? "gone" : "nothing");
    if (this.source.legend) this.source.legend(this.find, this.words);
    this.buttons(summary);
    this.counts(summary);
    this.back(summary);
    this.find("[data-log-selected]").hidden = !this.of.chosen;
    if (this.of.chosen) this.range();
    const settings = [this.words.say(this.of.wrap ? "wrap_on" : "wrap_off")];
    if (this.of.element.classList.contains("has-times")) settings.unshift(this.words.say("zone", { zone: this.words.zone }));
    this.find("[data-log-settings]").textContent = settings.join(" · ");
    this.say();
  }

  buttons(summary) {
    const follow = this.find("[data-log-act=follow]");
    follow.hidden = !this.source.isReceiving;
    follow.setAttribute("aria-pressed", String(this.of.isFollowing));
    this.find("[data-log-follow-word]").textContent = this.words.say(this.of.isFollowing ? "following" : "follow");
    this.find("[data-log-act=first-error]").disabled = !summary.first_error;
    this.find("[data-log-act=error-after]").disabled = !summary.first_error;
    this.find("[data-log-act=error-before]").disabled = !summary.first_error || this.of.errorPlace === 1;
  }

  counts(summary) {
    const box = this.find("[data-log-counts]");
    const parts = [];
    for (const [level, n] of [["error", summary.errors], ["warning", summary.warnings]]) {
      if (!n) continue;
      const part = document.createElement("span");
      part.className = `log-fact is-${level}`;
      const isPlaced = level === "error" && this.of.error;
      const text = isPlaced ? this.words.say("error_place", { k: this.of.errorPlace, n }) : this.words.count(level, n);
      part.append(this.of.drawing.icon(level === "error" ? "failed" : "alert"), text);
      parts.push(part);
    }
    box.replaceChildren(...parts);
  }

  back(summary) {
    const button = this.find("[data-log-act=end]");
    button.hidden = !this.source.isReceiving || this.of.isFollowing;
    const fresh = this.of.leftAt ? summary.lines - this.of.leftAt : 0;
    this.find("[data-log-back-word]").textContent = fresh > 0 ? this.words.say("back_new", { n: fresh }) : this.words.say("back");
  }

  range() {
    const { first: a, last: b } = this.of.chosen;
    this.find("[data-log-range]").textContent = this.words.say(a === b ? "chosen_line" : "chosen_lines", { a, b });
  }

  say() {
    const { summary } = this.source;
    const facts = [this.words.count("line", summary.lines), this.words.size(summary.bytes)];
    if (!this.source.trouble || summary.state !== "receiving") facts.push(this.standing(summary));
    if (this.source.trouble) facts.push(this.words.say(this.source.trouble));
    this.find("[data-log-facts]").textContent = facts.join(" · ");
  }

  standing(summary) {
    if (this.source.standing) return this.source.standing(this.words);
    if (summary.state !== "receiving") return this.words.say(summary.state);
    const { age } = this.source;
    return age === null ? this.words.say("receiving") : this.words.say("newest", { age: this.words.age(age) });
  }
}
