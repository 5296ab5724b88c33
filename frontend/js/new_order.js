// The form of a new order: the project narrows the components, a branch or a Git tag is picked from the list under its
// field, and what one should know before creating follows. Without this file all is chosen and typed by hand.
const form = document.querySelector("form[data-new-order]");
const [project, component, branch, gitTag, commit, onBranch] =
  ["project", "component", "branch", "git_tag", "commit", "on_branch"].map((name) => form.elements[name]);
const fields = { branch, git_tag: gitTag, commit };
const source = () => form.elements.source.value;
// Every option with its group, as the server wrote them: nothing is asked for when the project changes, so nothing
// that somebody chose meanwhile can be lost.
const groups = [...component.querySelectorAll("optgroup")].map((group) => ({ group, options: [...group.children] }));
const TYPING_MS = 300;
let isTyped = Boolean(branch.value);
let wantsPreset = false;
let pause = 0;

const tell = () => document.body.dispatchEvent(new CustomEvent("sourcepicked"));
const tellSoon = () => { clearTimeout(pause); pause = setTimeout(tell, TYPING_MS); };

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
  [gitTag, commit, onBranch].forEach((field) => { field.value = ""; });
  if (source() === "git_tag") gitTag.dispatchEvent(new Event("refresh"));
});

// ---------------------------------------------------------------- lists under a field
// A field with the list that the server writes under it, which lies over the page while somebody chooses: rows are picked
// by mouse or by arrow keys and Enter; Escape puts it away.
function combobox(field, selector, name) {
  let active = -1;
  const rows = () => [...document.querySelectorAll(selector)];
  const mark = () => rows().forEach((row) => row.setAttribute("aria-selected", String(row.dataset[name] === field.value)));
  const forget = () => { active = -1; };
  const open = (isOpen) => field.setAttribute("aria-expanded", String(isOpen));

  function pick(row) {
    field.value = row.dataset[name];
    isTyped = true;
    active = -1;
    field.removeAttribute("aria-activedescendant");
    mark();
    field.focus();
    open(false);
    tell();
  }

  function step(by) {
    const found = rows();
    open(true);
    if (!found.length) return;
    active = (active + by + found.length) % found.length;
    found.forEach((row, place) => row.classList.toggle("is-active", place === active));
    found[active].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", found[active].id);
  }

  // The field keeps the focus: without it the list would be gone before the click arrives.
  document.addEventListener("mousedown", (event) => { if (event.target.closest(`#${field.getAttribute("aria-controls")}`)) event.preventDefault(); });
  document.addEventListener("click", (event) => {
    const row = event.target.closest(selector);
    if (row) pick(row);
  });
  field.addEventListener("input", () => { forget(); open(true); });
  field.addEventListener("click", () => open(true));
  field.addEventListener("blur", () => open(false));
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape" && field.getAttribute("aria-expanded") === "true") {
      // It puts the list away, and leads nowhere else.
      event.preventDefault();
      event.stopPropagation();
      open(false);
    } else if (event.key === "Enter" && active >= 0 && rows()[active]) {
      event.preventDefault();
      pick(rows()[active]);
    }
  });
  return { mark, forget };
}

const branches = combobox(branch, "#branches [data-branch]", "branch");
const gitTags = combobox(gitTag, "#git-tags [data-git-tag]", "gitTag");
branch.addEventListener("input", () => { isTyped = true; wantsPreset = false; });

document.addEventListener("htmx:afterSwap", (event) => {
  const asked = event.detail.requestConfig?.elt;
  if (asked === gitTag) gitTags.forget();
  if (asked === branch) {
    branches.forget();
    if (wantsPreset && !branch.value) {
      wantsPreset = false;
      branch.value = document.getElementById("branches").dataset.preset;
      branches.mark();
    }
  }
  if (asked === fields[source()]) tell();
});

// ---------------------------------------------------------------- what the order is made from
form.addEventListener("change", (event) => {
  if (event.target.name !== "source") return;
  fields[source()].focus();
  tell();
});
commit.addEventListener("input", tellSoon);
onBranch.addEventListener("input", tellSoon);

// The one who repeats the last order presses Enter; who wants another branch types over it.
if (document.activeElement === fields[source()]) document.activeElement.select();
narrow();
