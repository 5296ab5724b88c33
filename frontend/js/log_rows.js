// Which rows a log has on the screen: its lines, and for each stage a head that folds the stage's lines away.
const HEAD_MORE = 4;

export class Rows {
  constructor() {
    this.blocks = [];
    this.count = 0;
  }

  /** `sections` as the server lists them; `open` has the first lines of those that are open. */
  build(lines, sections, open) {
    this.blocks = [];
    this.count = 0;
    let next = 1;
    for (const section of sections) {
      if (section.first > lines) break;
      this.lines(next, section.first - 1);
      const last = Math.min(section.last === null ? lines : section.last, lines);
      this.push({ section: { ...section, end: last }, size: 1 });
      if (open.has(section.first)) this.lines(section.first, last, section);
      next = last + 1;
    }
    this.lines(next, lines);
  }

  lines(first, last, section) {
    if (last >= first) this.push({ first, size: last - first + 1, section: null, within: section || null });
  }

  push(block) {
    this.blocks.push({ ...block, row: this.count });
    this.count += block.size;
  }

  /** The rows of heads, with the pixels that they are higher than a line: a target for fingers has 24. */
  get heads() {
    return this.blocks.filter((block) => block.section).map((block) => [block.row, HEAD_MORE]);
  }

  block(row) {
    let low = 0;
    let high = this.blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.blocks[middle].row <= row) low = middle;
      else high = middle - 1;
    }
    return this.blocks[low];
  }

  /** `{line}` or `{section}`, with a key that stays the row's own when others come and go. */
  at(row) {
    const block = this.block(row);
    if (block.section) return { key: `s${block.section.first}`, section: block.section };
    const line = block.first + row - block.row;
    return { key: line, line };
  }

  /** The row of a line; of a folded one, its stage's head. */
  of(line) {
    let found = 0;
    for (const block of this.blocks) {
      if (block.section) {
        if (line >= block.section.first && line <= block.section.end) found = block.row;
      } else if (line >= block.first && line < block.first + block.size) return block.row + line - block.first;
    }
    return found;
  }
}

/** The stage that a line lies in, or undefined. */
export function sectionOf(sections, line) {
  return sections.find((section) => line >= section.first && (section.last === null || line <= section.last));
}

/** First lines of the stages that are open at first: what runs, what failed, and what holds the line to be seen. */
export function openAtFirst(sections, { isReceiving, hasFailed, line }) {
  const open = new Set();
  sections.forEach((section, place) => {
    const isLast = place === sections.length - 1;
    const isBad = ["failed", "unstable", "aborted", "running"].includes(section.state);
    if (isBad || (isReceiving && isLast) || (hasFailed && section.errors && isLast)) open.add(section.first);
  });
  const chosen = line && sectionOf(sections, line);
  if (chosen) open.add(chosen.first);
  return open;
}
