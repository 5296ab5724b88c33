// Draws the rows of a long list that are in view, and no others. Rows are as high as one line unless they are wrapped:
// those are measured when they are drawn, and what was measured is remembered.
const OVERSCAN = 8;
const TALLEST = 12000000; // pixels: browsers draw no element higher than some 17 to 33 million; beyond, the bar is scaled

export class Window {
  /** `draw(row, element | undefined)` gives the row's element; `keyOf(row)` its key; `isHeld()` keeps it at the end;
   * `taller()` lists the rows known to be higher, `[[row, pixels more], …]`. */
  constructor(view, { draw, keyOf, isHeld, drawn, taller }) {
    Object.assign(this, { view, draw, keyOf, isHeld, drawn, taller, count: 0, measures: false, height: 20 });
    this.space = document.createElement("div");
    this.space.className = "log-space";
    this.box = document.createElement("div");
    this.box.className = "log-rows";
    this.space.append(this.box);
    this.elements = new Map();
    this.forget();
    this.frame = 0;
    this.widest = 0;
    this.set = -1; // where this code scrolled to itself
    view.replaceChildren(this.space);
    this.probe();
    new ResizeObserver(() => this.resized()).observe(view);
  }

  probe() {
    const row = document.createElement("div");
    row.className = "log-row";
    row.append(document.createTextNode("0"));
    this.box.append(row);
    this.height = row.getBoundingClientRect().height || 20;
    row.remove();
  }

  resized() {
    if (this.measures) this.forget();
    this.render();
  }

  /** Drop what was measured: rows moved, or wrapping changed. */
  forget() {
    this.extra = new Map(this.taller());
    this.order = null;
  }

  // -------------------------------------------------------------- where rows are
  sums() {
    if (!this.order) {
      const rows = [...this.extra.keys()].sort((one, other) => one - other);
      let sum = 0;
      this.order = { rows, sums: rows.map((row) => (sum += this.extra.get(row))) };
    }
    return this.order;
  }

  /** Pixels above a row. */
  top(row) {
    if (!this.extra.size) return row * this.height;
    const { rows, sums } = this.sums();
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle] < row) low = middle + 1;
      else high = middle;
    }
    return row * this.height + (low ? sums[low - 1] : 0);
  }

  rowAt(pixel) {
    let low = 0;
    let high = Math.max(0, this.count - 1);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.top(middle) <= pixel) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  get total() {
    return this.top(this.count);
  }

  get tall() {
    return Math.min(this.total, TALLEST);
  }

  get ratio() {
    const rest = this.tall - this.view.clientHeight;
    return this.total > TALLEST && rest > 0 ? (this.total - this.view.clientHeight) / rest : 1;
  }

  get position() {
    return this.view.scrollTop * this.ratio;
  }

  get isAtEnd() {
    return this.position + this.view.clientHeight >= this.total - this.height;
  }

  // -------------------------------------------------------------- moving
  scroll(pixel) {
    this.view.scrollTop = pixel / this.ratio;
    this.set = this.view.scrollTop;
  }

  /** Whether the reader moved it, not this code. */
  get isReaders() {
    return Math.abs(this.view.scrollTop - this.set) > 1;
  }

  /** Bring a row to a third of the view's height. */
  show(row) {
    this.grow();
    this.scroll(Math.max(0, this.top(row) - this.view.clientHeight / 3));
    this.render();
    // Drawn rows are measured now: once more, to the pixel.
    this.scroll(Math.max(0, this.top(row) - this.view.clientHeight / 3));
    this.render();
  }

  /** Whether to stay at the end. Not when the reader has just left it: the event that tells of it comes a frame later,
   * and what is drawn before must not take the reader back. */
  get isKept() {
    return this.isHeld() && (!this.isReaders || this.isAtEnd);
  }

  later() {
    if (!this.frame) this.frame = requestAnimationFrame(() => { this.frame = 0; this.render(); });
  }

  // -------------------------------------------------------------- drawing
  grow() {
    this.space.style.height = `${this.tall}px`;
  }

  /** Another number of rows; `row` of before is now `now`, and stays where it is on the screen. */
  resize(count, row, now) {
    const offset = row === undefined ? 0 : this.top(row) - this.position;
    this.count = count;
    if (row !== undefined) {
      this.forget();
      this.grow();
      this.scroll(Math.max(0, this.top(now) - offset));
    }
    this.render();
  }

  render() {
    if (!this.view.isConnected) return;
    this.grow();
    if (this.isKept) this.scroll(this.total);
    for (let round = 0; round < 3; round += 1) {
      this.place();
      if (!this.measures || !this.measure()) break;
    }
    this.widen();
    this.drawn(this.first, this.last);
  }

  place() {
    const position = this.position;
    this.first = Math.max(0, this.rowAt(position) - OVERSCAN);
    this.last = Math.min(this.count - 1, this.rowAt(position + this.view.clientHeight) + OVERSCAN);
    const keep = new Map();
    const wanted = [];
    for (let row = this.first; row <= this.last; row += 1) {
      const key = this.keyOf(row);
      const element = this.draw(row, this.elements.get(key));
      keep.set(key, element);
      wanted.push(element);
    }
    for (const [key, element] of this.elements) if (keep.get(key) !== element) element.remove();
    this.elements = keep;
    wanted.forEach((element, place) => {
      if (this.box.children[place] !== element) this.box.insertBefore(element, this.box.children[place] || null);
    });
    const top = this.count ? this.top(this.first) - position : 0;
    this.box.style.transform = `translateY(${this.view.scrollTop + top}px)`;
  }

  /** Remember heights that differ; the row at the top of the view stays there, or the end. True when something moved. */
  measure() {
    const isEnd = this.isKept || this.isAtEnd;
    const anchor = this.rowAt(this.position);
    const before = this.top(anchor);
    let changed = false;
    for (let row = this.first; row <= this.last; row += 1) {
      const element = this.box.children[row - this.first];
      const extra = element ? element.getBoundingClientRect().height - this.height : 0;
      if (Math.abs(extra - (this.extra.get(row) || 0)) < 0.5) continue;
      if (extra) this.extra.set(row, extra);
      else this.extra.delete(row);
      this.order = null;
      changed = true;
    }
    if (!changed) return false;
    const position = this.position;
    this.grow();
    const moved = this.top(anchor) - before;
    if (isEnd) this.scroll(this.total);
    else if (moved) this.scroll(position + moved);
    return true;
  }

  /** The widest line that was drawn decides how far one scrolls sideways, so that the bar does not jump. */
  widen() {
    if (this.measures) this.widest = 0;
    else this.widest = Math.max(this.widest, this.box.scrollWidth);
    this.space.style.minWidth = this.widest > this.view.clientWidth ? `${this.widest}px` : "";
  }
}
