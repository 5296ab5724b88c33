// One line of a log as text nodes: colours by an allow-list of SGR codes, every other terminal escape removed, and a
// visible mark for characters that hide or turn text. releases/logs/plain.py reads text the same way, without colours.
// Nothing here makes HTML of what a log says.
const ESCAPES = /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -/]+[0-~]|\x1b[0-Z\\`-~]/g;
const HIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]/gu;
const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

function applied(style, codes) {
  const numbers = codes.split(/[;:]/).map(Number);
  const next = { ...style };
  for (let place = 0; place < numbers.length; place += 1) {
    const code = numbers[place];
    if (code === 0) Object.assign(next, { colour: "", bold: false });
    else if (code === 1) next.bold = true;
    else if (code === 22) next.bold = false;
    else if (code === 39) next.colour = "";
    else if (code >= 30 && code <= 37) next.colour = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) next.colour = `bright-${COLOURS[code - 90]}`;
    else if (code === 38 || code === 48) {
      // 256 or true colours: the first sixteen are those above, the rest stay plain; their numbers are no codes.
      const index = numbers[place + 2];
      if (code === 38 && numbers[place + 1] === 5 && index < 16) next.colour = index < 8 ? COLOURS[index] : `bright-${COLOURS[index - 8]}`;
      place += numbers[place + 1] === 2 ? 4 : 2;
    }
  }
  return next;
}

function marked(runs, text, classes) {
  let seen = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found.index > seen) runs.push({ text: text.slice(seen, found.index), classes });
    const code = found[0].codePointAt(0);
    const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
    const sign = code < 0x20 || code === 0x7f ? `^${String.fromCharCode(code ^ 0x40)}` : `⟨${name}⟩`;
    runs.push({ text: sign, classes: "log-mark", title: name });
    seen = found.index + found[0].length;
  }
  if (seen < text.length) runs.push({ text: text.slice(seen), classes });
}

/** The line as runs `{text, classes, title?}`; joined, their texts are what a reader sees. */
export function runsOf(line) {
  const runs = [];
  let style = { colour: "", bold: false };
  let seen = 0;
  const push = (end) => {
    const classes = [style.colour && `ansi-${style.colour}`, style.bold && "ansi-bold"].filter(Boolean).join(" ");
    if (end > seen) marked(runs, line.slice(seen, end), classes);
  };
  for (const found of line.matchAll(ESCAPES)) {
    push(found.index);
    if (found[1] !== undefined) style = applied(style, found[1] || "0");
    seen = found.index + found[0].length;
  }
  push(line.length);
  return runs;
}

function spansOf(text, pattern) {
  return pattern ? [...text.matchAll(pattern)].map((found) => [found.index, found.index + found[0].length]) : [];
}

function node(run, text, isHit) {
  if (!run.classes && !isHit) return document.createTextNode(text);
  const element = document.createElement(isHit ? "mark" : "span");
  if (run.classes) element.className = run.classes;
  if (run.title) element.title = run.title;
  element.textContent = text;
  return element;
}

/** What a search looks for, as a pattern; null for nothing. */
export function patternOf(query) {
  return query ? new RegExp(query.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "giu") : null;
}

/** Put the line into the element; what the pattern finds is marked, over colours too. */
export function fill(element, line, pattern) {
  const runs = runsOf(line);
  const hits = spansOf(runs.map((run) => run.text).join(""), pattern);
  const nodes = [];
  let at = 0;
  let next = 0;
  for (const run of runs) {
    const end = at + run.text.length;
    let from = at;
    while (from < end) {
      while (next < hits.length && hits[next][1] <= from) next += 1;
      const hit = hits[next];
      const isHit = Boolean(hit && hit[0] <= from);
      const to = Math.min(end, isHit ? hit[1] : hit ? Math.max(hit[0], from + 1) : end);
      nodes.push(node(run, run.text.slice(from - at, to - at), isHit));
      from = to;
    }
    at = end;
  }
  element.replaceChildren(...nodes);
}
