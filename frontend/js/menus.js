// <details class="menu"> works without this; with it one is open at a time, arrows move in it, Esc and a click elsewhere close it.
const ITEMS = ".menu-item, .menu-body a[href], .menu-body button";

const open = () => document.querySelectorAll("details.menu[open]");
const items = (menu) => [...menu.querySelectorAll(ITEMS)].filter((item) => !item.disabled && item.offsetParent !== null);

function close(menu, back = false) {
  menu.open = false;
  if (back) menu.querySelector("summary").focus();
}

document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (!(menu instanceof HTMLDetailsElement) || !menu.matches(".menu") || !menu.open) return;
    open().forEach((other) => {
      if (other !== menu && !other.contains(menu) && !menu.contains(other)) close(other);
    });
  },
  true,
);

document.addEventListener("click", (event) => {
  open().forEach((menu) => {
    if (!menu.contains(event.target)) close(menu);
  });
});

document.addEventListener("focusout", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) close(menu);
});

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
  const menu = event.target.closest?.("details.menu");
  if (event.key === "Escape") {
    const last = [...open()].pop();
    if (!last) return;
    // Only the menu closes: a dialog around it, and the page, stay.
    event.preventDefault();
    event.stopPropagation();
    close(last, last.contains(document.activeElement));
    return;
  }
  if (!menu || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
  if (event.target.matches("input, select, textarea")) return;
  const isFromSummary = event.target.closest("summary") !== null;
  if (!menu.open) {
    if (!isFromSummary || event.key === "Home" || event.key === "End") return;
    menu.open = true;
  }
  event.preventDefault();
  step(menu, event.key);
}, true);

function step(menu, key) {
  const all = items(menu);
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  let next = { ArrowDown: at + 1, ArrowUp: at < 0 ? all.length - 1 : at - 1, Home: 0, End: all.length - 1 }[key];
  next = (next + all.length) % all.length;
  all[next].focus();
}
