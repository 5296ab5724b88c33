// Line numbers beside a text area, and marks at the lines that the server found wrong (data-line on its messages).
const wrongLines = () => new Set([...document.querySelectorAll("[data-line]")].map((one) => Number(one.dataset.line)));

function draw(area, gutter) {
  const count = area.value.split("\n").length;
  const wrong = wrongLines();
  const lines = document.createDocumentFragment();
  for (let number = 1; number <= count; number += 1) {
    const line = document.createElement("span");
    if (wrong.has(number)) line.className = "is-wrong";
    line.textContent = `${wrong.has(number) ? "✕ " : ""}${number}\n`;
    lines.append(line);
  }
  gutter.replaceChildren(lines);
  gutter.scrollTop = area.scrollTop;
}

function go(area, number) {
  const before = area.value.split("\n").slice(0, number - 1);
  const start = before.reduce((sum, line) => sum + line.length + 1, 0);
  const length = (area.value.split("\n")[number - 1] || "").length;
  area.focus();
  area.setSelectionRange(start, start + length);
  area.scrollTop = Math.max(0, (number - 4) * parseFloat(getComputedStyle(area).lineHeight));
}

function begin(box) {
  const area = box.querySelector("textarea");
  if (!area || box.dataset.drawn) return;
  box.dataset.drawn = "1";
  const gutter = document.createElement("pre");
  gutter.className = "gutter";
  gutter.setAttribute("aria-hidden", "true");
  box.prepend(gutter);
  area.setAttribute("wrap", "off");
  const again = () => draw(area, gutter);
  again();
  area.addEventListener("input", again);
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
  document.addEventListener("htmx:afterSettle", again);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-line]");
    if (!link) return;
    event.preventDefault();
    go(area, Number(link.dataset.line));
  });
}

document.querySelectorAll("[data-editor]").forEach(begin);
