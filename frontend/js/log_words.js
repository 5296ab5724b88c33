// What the log viewer says: messages from its template, numbers and times as the page's language writes them.
const language = document.documentElement.lang || "en";
const number = new Intl.NumberFormat(language);
const tenth = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export class Words {
  constructor(viewer) {
    const names = viewer.querySelector("[data-log-words]").content.querySelectorAll("dt");
    this.known = new Map([...names].map((name) => [name.textContent, name.nextElementSibling.textContent]));
    const zone = viewer.dataset.zone;
    try {
      this.times(zone);
      this.zone = zone;
    } catch {
      this.times(undefined); // a zone that this browser does not know
      this.zone = this.clock.resolvedOptions().timeZone;
    }
  }

  times(timeZone) {
    this.clock = new Intl.DateTimeFormat(language, { timeZone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    this.date = new Intl.DateTimeFormat(language, { timeZone, dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
  }

  /** The message of that name, filled in; figures are grouped. */
  say(name, values = {}) {
    const text = this.known.get(name) || name;
    return text.replace(/\{(\w+)\}/g, (_all, key) => (typeof values[key] === "number" ? number.format(values[key]) : values[key]));
  }

  /** "1 line", "12,345 lines". */
  count(name, n) {
    return this.say(n === 1 ? name : `${name}s`, { n });
  }

  /** "3.4 MB": thousands, as on a disk's label. */
  size(bytes) {
    if (bytes < 1000) return `${number.format(bytes)} B`;
    if (bytes < 999500) return `${number.format(Math.round(bytes / 1000))} kB`;
    return `${tenth.format(bytes / 1e6)} MB`;
  }

  /** "0.3 s", "42 s", "5 min", "3 h". */
  age(milliseconds) {
    const seconds = milliseconds / 1000;
    if (seconds < 9.95) return this.say("seconds", { n: tenth.format(seconds) });
    if (seconds < 120) return this.say("seconds", { n: Math.round(seconds) });
    return seconds < 7200 ? this.say("minutes", { n: Math.round(seconds / 60) }) : this.say("hours", { n: Math.round(seconds / 3600) });
  }

  /** "1:21" minutes and seconds, "1:02:03" with hours. */
  lasted(seconds) {
    const two = (n) => String(n).padStart(2, "0");
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? `${minutes}:${two(seconds % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
  }
}
