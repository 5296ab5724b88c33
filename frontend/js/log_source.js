// The stored log of a build: lines by range, a few at a time, kept while they are near; the summary grows with it.
const PAGE = 200;
const MOST_PAGES = 60;
const MOST_AT_ONCE = 1000;
const SETTLE_MS = 60; // a range that only rushes past is not asked for
const POLL_MS = 10000;
const DEADLINE_MS = 8000; // a connection may have died silently
const RETRY_MS = { least: 300, most: 4000 };

/** Raised by the server's no (401, 403, 404): asking again changes nothing. */
export class RefusedError extends Error {}

async function json(url, signal) {
  const answer = await fetch(url, { headers: { Accept: "application/json" }, signal });
  if ([401, 403, 404].includes(answer.status)) throw new RefusedError(String(answer.status));
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

export class Source {
  constructor(url, summary, changed) {
    Object.assign(this, { url, changed, trouble: "", requests: 0 });
    this.leashes = new Set();
    this.pages = new Map();
    this.missing = new Set();
    this.waiting = 0;
    this.tries = this.resumeAt = 0;
    this.wanted = null;
    this.isAsking = this.isRefreshing = this.refreshAgain = false;
    this.take(summary);
    this.poll();
  }

  get isReceiving() {
    return this.summary.state === "receiving";
  }

  take(summary) {
    const before = this.summary;
    // Two answers may come the wrong way round.
    if (before && Date.parse(summary.now) < Date.parse(before.now)) return;
    this.summary = summary;
    this.heard = performance.now();
    // The stored log was replaced: no line that is here is known to be right.
    if (before && before.version !== summary.version) {
      this.pages.clear();
      this.missing.clear();
    }
    // The last line may not have been whole.
    if (before && before.size !== summary.size) this.drop(before.lines);
  }

  /** An answer about another version of the log than the one that counts: its lines are not those of this one. */
  isReplaced(summary) {
    return summary.version !== this.summary.version;
  }

  /** Milliseconds since the newest line came, by the server's clock and what passed here since. */
  get age() {
    if (!this.summary.newest_at) return null;
    return Math.max(0, Date.parse(this.summary.now) - Date.parse(this.summary.newest_at)) + performance.now() - this.heard;
  }

  // -------------------------------------------------------------- lines
  page(line) {
    return Math.floor((line - 1) / PAGE);
  }

  line(number) {
    const page = this.pages.get(this.page(number));
    return page && page.get(number);
  }

  isMissing(number) {
    return this.missing.has(number);
  }

  drop(number) {
    const page = this.pages.get(this.page(number));
    if (page) page.delete(number);
  }

  keep(line) {
    const number = this.page(line.line);
    const page = this.pages.get(number) || new Map();
    // The page that was used last is the last to go.
    this.pages.delete(number);
    this.pages.set(number, page.set(line.line, line));
    if (this.pages.size > MOST_PAGES) this.pages.delete(this.pages.keys().next().value);
  }

  /** These lines are on the screen: `[[first, last], …]`, from top to bottom. */
  want(ranges) {
    this.wanted = ranges;
    clearTimeout(this.waiting);
    // Every drawing wants them again: what failed is asked for when its pause is over, what was refused is not.
    if (this.trouble === "refused" || !this.next()) return;
    this.waiting = setTimeout(() => this.ask(), Math.max(SETTLE_MS, this.resumeAt - performance.now()));
  }

  /** The first range that has to be asked for, with the rest of its pages; null when all is here. */
  next() {
    for (const [first, last] of this.wanted || []) {
      for (let line = first; line <= last; line += 1) {
        if (this.line(line) || this.missing.has(line)) continue;
        const from = Math.max(this.page(line) * PAGE + 1, 1);
        const start = this.line(from) ? line : from;
        const end = Math.min(this.summary.lines, (this.page(last) + 1) * PAGE, start + MOST_AT_ONCE - 1);
        return end >= start ? [start, end] : null;
      }
    }
    return null;
  }

  async ask() {
    const range = this.next();
    if (this.isAsking || !range) return;
    this.isAsking = true;
    try {
      const [first, last] = range;
      const answer = await this.get(`lines/?first=${first}&count=${last - first + 1}`);
      this.store(answer, first, last);
      this.failed("");
    } catch (error) {
      this.failed(error);
    } finally {
      this.isAsking = false;
    }
    this.changed();
    if (!this.trouble) this.ask();
  }

  store(answer, first, last) {
    const lines = answer.lines;
    this.take(answer.log);
    // It was asked before the log was replaced and came after: what is still wanted is asked for again.
    if (this.isReplaced(answer.log)) return;
    const end = lines.length ? lines[lines.length - 1].line : last;
    lines.forEach((line) => this.keep(line));
    const known = new Set(lines.map((line) => line.line));
    // What lies before the first line that came, or all of it when none came, is not kept any more.
    for (let line = first; line <= end; line += 1) if (!known.has(line)) this.missing.add(line);
    if (this.missing.size > 100000) this.missing.clear();
  }

  failed(error) {
    this.tries = error ? this.tries + 1 : 0;
    this.trouble = !error ? "" : error instanceof RefusedError ? "refused" : "away";
    this.resumeAt = error ? performance.now() + Math.min(15000, 500 * 2 ** this.tries) : 0;
  }

  async get(path) {
    this.requests += 1;
    const leash = new AbortController();
    const timer = setTimeout(() => leash.abort(), DEADLINE_MS);
    this.leashes.add(leash);
    try {
      return await json(this.url + path, leash.signal);
    } finally {
      clearTimeout(timer);
      this.leashes.delete(leash);
    }
  }

  /** What is under way goes nowhere: the way to the server is a new one. */
  abandon() {
    this.tries = this.resumeAt = 0;
    this.leashes.forEach((leash) => leash.abort());
  }

  // -------------------------------------------------------------- growth
  /** More may be there: the summary anew, and when the end is being read, its lines with it. */
  async refresh(isFollowing) {
    if (this.isRefreshing) {
      this.refreshAgain = true;
      return;
    }
    this.isRefreshing = true;
    this.refreshed = performance.now();
    try {
      const first = Math.max(1, this.summary.lines);
      const answer = await this.get(`lines/?first=${first}&count=${isFollowing ? PAGE : 0}`);
      this.take(answer.log);
      if (isFollowing && !this.isReplaced(answer.log)) answer.lines.forEach((line) => this.keep(line));
      this.failed("");
    } catch (error) {
      this.failed(error);
    }
    this.isRefreshing = false;
    this.changed();
    if (this.refreshAgain) {
      this.refreshAgain = false;
      this.refresh(isFollowing);
    } else if (this.trouble === "away") {
      clearTimeout(this.retrying);
      const pause = Math.min(RETRY_MS.most, RETRY_MS.least * 2 ** this.tries);
      this.retrying = setTimeout(() => this.refresh(isFollowing), pause);
    }
  }

  poll() {
    // The socket says when there is more; this is for a page whose socket is away.
    this.timer = setInterval(() => {
      if (!this.isReceiving) clearInterval(this.timer);
      else if (!document.hidden && this.trouble !== "refused" && performance.now() - (this.refreshed || 0) > POLL_MS) this.refresh(false);
    }, POLL_MS / 2);
  }

  stop() {
    clearInterval(this.timer);
    clearTimeout(this.waiting);
    clearTimeout(this.retrying);
    this.changed = () => {};
  }

  // -------------------------------------------------------------- finding
  /** The next error after a line, or before it: `{line, position, total}`. */
  mark(direction, line) {
    return this.get(`marks/?level=error&${direction}=${line}`);
  }

  /** Lines that contain the text, from a line on: `{lines, next}`. */
  search(text, first) {
    return this.get(`search/?text=${encodeURIComponent(text)}&first=${first}`);
  }

  whole(line) {
    return this.get(`lines/${line}/`);
  }
}
