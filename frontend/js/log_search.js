// Search in a log: the server looks, here one steps from hit to hit.
const PAUSE_MS = 250;
const MOST_HITS = 20000;

export class Search {
  /** `go(line)` shows a hit, `changed()` draws anew. */
  constructor(form, { source, words, go, changed }) {
    Object.assign(this, { form, source, words, go, changed, text: "", lines: [], next: null, place: -1, round: 0 });
    this.input = form.querySelector("input");
    this.output = form.querySelector("[data-log-found]");
    this.buttons = form.querySelectorAll("button");
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.start(this.input.value, { from: 0 }), PAUSE_MS);
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.enter(1);
    });
  }

  key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      this.enter(-1);
    } else if (event.key === "Escape" && this.input.value) {
      event.stopPropagation();
      this.input.value = "";
      this.start("");
    }
  }

  enter(step) {
    if (this.input.value !== this.text) {
      clearTimeout(this.timer);
      this.start(this.input.value, { from: 0 });
    } else this.step(step);
  }

  /** Look for the text; `from`: show the first hit behind that line (undefined: only mark what is in view). */
  async start(text, { from } = {}) {
    this.round += 1;
    Object.assign(this, { text, lines: [], next: text ? 1 : null, place: -1, searched: 0 });
    this.address();
    this.changed();
    this.say();
    if (text) await this.more(from);
  }

  async more(from) {
    const round = this.round;
    let shall = from;
    this.isBusy = true;
    this.say();
    try {
      while (this.next !== null && this.lines.length < MOST_HITS) {
        const found = await this.source.search(this.text, this.next);
        if (round !== this.round) return;
        this.take(found);
        if (shall !== undefined && this.lines.some((line) => line > shall)) {
          this.to(this.lines.findIndex((line) => line > shall));
          shall = undefined;
        }
        this.say();
      }
    } catch {
      this.next = null;
    }
    if (round !== this.round) return;
    this.isBusy = false;
    this.say();
    this.changed();
  }

  take(found) {
    const last = this.lines[this.lines.length - 1] || 0;
    this.lines.push(...found.lines.filter((line) => line > last));
    this.next = found.next;
    this.searched = found.next === null ? this.source.summary.lines : found.next - 1;
  }

  /** The log has grown: look into what is new. */
  grown() {
    if (!this.text || this.isBusy || this.next !== null || this.source.summary.lines <= this.searched) return;
    this.next = Math.max(1, this.searched);
    this.more();
  }

  step(by) {
    if (!this.lines.length) return;
    const place = this.place < 0 && by < 0 ? this.lines.length - 1 : this.place + by;
    this.to((place + this.lines.length) % this.lines.length);
  }

  to(place) {
    this.place = place;
    this.say();
    this.go(this.lines[place]);
  }

  say() {
    const n = this.lines.length;
    this.buttons.forEach((button) => { button.disabled = !n; });
    this.output.textContent = this.text ? this.message(n) : "";
  }

  message(n) {
    if (!n) return this.words.say(this.isBusy ? "searching" : "no_hit");
    const k = this.place + 1;
    if (this.next !== null) return this.words.say("hits_more", { k, n });
    return k ? this.words.say("hit", { k, n }) : this.words.say("hits", { n });
  }

  address() {
    const url = new URL(location.href);
    if (this.text) url.searchParams.set("q", this.text);
    else url.searchParams.delete("q");
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }
}
