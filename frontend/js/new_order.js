// The form of a new order: the project narrows the components, a branch is picked from the list under the field, and
// what one should know before creating follows the two. Without this file both are chosen and typed by hand.
const form = document.querySelector("form[data-new-order]");
const [project, component, branch] = ["project", "component", "branch"].map((name) => form.elements[name]);
// Every option with its group, as the server wrote them: nothing is asked for when the project changes, so nothing
// that somebody chose meanwhile can be lost.
const groups = [...component.querySelectorAll("optgroup")].map((group) => ({ group, options: [...group.children] }));
let isTyped = Boolean(branch.value);
let wantsPreset = false;
let active = -1;

const tell = () => document.body.dispatchEvent(new CustomEvent("branchpicked"));
const list = () => [...document.querySelectorAll("#branches [data-branch]")];

// ---------------------------------------------------------------- project and component
function narrow() {
  const prefix = project.value ? `${project.value}/` : "";
  const chosen = component.value;
  groups.forEach(({ group, options }) => {
    const fitting = options.filter((option) => option.value.startsWith(prefix));
    group.replaceChildren(...fitting);
    if (!fitting.length) group.remove();
  });
  component.replaceChildren(...groups.filter(({ group }) => group.children.length).map(({ group }) => group));
  component.value = chosen;
  if (component.selectedIndex < 0) component.selectedIndex = 0;
  if (component.value !== chosen) component.dispatchEvent(new Event("change", { bubbles: true }));
}

project.addEventListener("change", narrow);
component.addEventListener("change", () => {
  // Another component has other branches: the one that was preset for the last is not meant any more.
  wantsPreset = true;
  if (!isTyped || !document.activeElement || document.activeElement !== branch) branch.value = "";
});

// ---------------------------------------------------------------- branches
branch.addEventListener("input", () => { isTyped = true; wantsPreset = false; active = -1; });

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.requestConfig?.elt !== branch) return;
  active = -1;
  if (wantsPreset && !branch.value) {
    wantsPreset = false;
    branch.value = document.getElementById("branches").dataset.preset;
    mark();
  }
  tell();
});

function mark() {
  list().forEach((row) => row.setAttribute("aria-selected", String(row.dataset.branch === branch.value)));
}

function pick(row) {
  branch.value = row.dataset.branch;
  isTyped = true;
  active = -1;
  branch.removeAttribute("aria-activedescendant");
  mark();
  branch.focus();
  tell();
}

document.addEventListener("click", (event) => {
  const row = event.target.closest("#branches [data-branch]");
  if (row) pick(row);
});

function step(by) {
  const rows = list();
  if (!rows.length) return;
  active = (active + by + rows.length) % rows.length;
  rows.forEach((row, place) => row.classList.toggle("is-active", place === active));
  rows[active].scrollIntoView({ block: "nearest" });
  branch.setAttribute("aria-activedescendant", rows[active].id);
}

branch.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    step(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && active >= 0 && list()[active]) {
    event.preventDefault();
    pick(list()[active]);
  }
});

// The one who repeats the last order presses Enter; who wants another branch types over it.
if (document.activeElement === branch) branch.select();
narrow();
