// Behind an @ the people whom a comment may name: by arrow keys and Enter or Tab, or by mouse; Escape puts the list away.
// The server writes the list. Without it one writes the name as before.
const NAME = /(?:^|[^\w@./+-])@([^\s@]{0,30})$/;
const PAUSE_MS = 120;

let asked = 0;
let timer = 0;

const fieldOf = (event) => event.target.closest?.("[data-people]");
const boxOf = (field) => document.getElementById(field.getAttribute("aria-controls"));
const rowsOf = (field) => [...boxOf(field).querySelectorAll("[data-name]")];
const typedIn = (field) => NAME.exec(field.value.slice(0, field.selectionStart));
const activeOf = (field) => rowsOf(field).findIndex((row) => row.id === field.getAttribute("aria-activedescendant"));

function close(field) {
  clearTimeout(timer);
  asked += 1;
  delete field.dataset.open;
  field.removeAttribute("aria-activedescendant");
}

function choose(field, at) {
  const rows = rowsOf(field);
  const chosen = rows[(at + rows.length) % rows.length];
  rows.forEach((row) => {
    row.classList.toggle("is-active", row === chosen);
    row.setAttribute("aria-selected", String(row === chosen));
  });
  chosen.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", chosen.id);
}

async function ask(field) {
  const typed = typedIn(field);
  if (!typed) return close(field);
  asked += 1;
  const mine = asked;
  try {
    const answer = await fetch(`${field.dataset.people}?q=${encodeURIComponent(typed[1])}`);
    // Signed out, or no right to comment any more: sending says so.
    const text = answer.ok && !answer.redirected ? await answer.text() : "";
    if (mine !== asked || document.activeElement !== field) return;
    boxOf(field).innerHTML = text;
  } catch {
    boxOf(field).innerHTML = "";
  }
  if (mine !== asked) return;
  if (!rowsOf(field).length) return close(field);
  field.dataset.open = "";
  choose(field, 0);
}

function pick(field, row) {
  const end = field.selectionStart;
  const typed = typedIn(field);
  if (typed) field.setRangeText(`@${row.dataset.name} `, end - typed[1].length - 1, end, "end");
  close(field);
}

document.addEventListener("input", (event) => {
  const field = fieldOf(event);
  if (!field) return;
  clearTimeout(timer);
  if (typedIn(field)) timer = setTimeout(ask, PAUSE_MS, field);
  else close(field);
});

// Before everybody else: while the list is open, these keys are its own.
document.addEventListener("keydown", (event) => {
  const field = fieldOf(event);
  if (!field || !("open" in field.dataset) || event.isComposing) return;
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") choose(field, activeOf(field) + (event.key === "ArrowDown" ? 1 : -1));
  else if (plain && (event.key === "Enter" || event.key === "Tab")) pick(field, rowsOf(field)[activeOf(field)]);
  else if (event.key === "Escape") close(field);
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

// The field keeps the focus: without it the list would be gone before the click arrives.
document.addEventListener("mousedown", (event) => {
  if (event.target.closest?.("#named-people")) event.preventDefault();
});
document.addEventListener("click", (event) => {
  const row = event.target.closest?.("#named-people [data-name]");
  if (row) pick(document.activeElement, row);
});
document.addEventListener("focusout", (event) => {
  const field = fieldOf(event);
  if (field) close(field);
});
