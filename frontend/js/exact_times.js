// The exact moment of an age for people without a mouse: with the focus on it, on its link or its row, and by a touch.
// A mouse has the title; this shows the same words, once at a time.
const AGES = "time[data-age][title]";
/** Ages that stand in a page's facts are stops of their own; in rows and links the row's stop serves. */
const STOPS = ".head time[data-age], .facts time[data-age], .card-head time[data-age]";

let tip = null;

function show(age) {
  tip = tip || document.body.appendChild(document.createElement("span"));
  tip.className = "exact-time";
  tip.setAttribute("aria-hidden", "true");
  tip.textContent = age.title;
  tip.hidden = false;
  const place = age.getBoundingClientRect();
  const left = Math.min(place.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${Math.max(8, place.top - tip.offsetHeight - 4)}px`;
}

function hide() {
  if (tip) tip.hidden = true;
}

/** The age that belongs to what has the focus; none for a field or a button among others. */
function ageOf(element) {
  if (element.matches(AGES)) return element;
  const own = element.querySelector(AGES);
  if (own) return own;
  return element.matches("[data-row-link], [data-row] a:first-of-type") ? element.closest("[data-row]").querySelector(AGES) : null;
}

document.addEventListener("focusin", ({ target }) => {
  hide();
  if (!target.matches("a, summary, time") || !target.matches(":focus-visible")) return;
  const age = ageOf(target);
  if (age && age.offsetParent !== null) show(age);
});
document.addEventListener("focusout", hide);
document.addEventListener("scroll", hide, { capture: true, passive: true });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
document.addEventListener("click", ({ target }) => {
  // A touch has no hover. On a link it leads on, as ever.
  const age = matchMedia("(hover: none)").matches && target.closest?.(AGES);
  if (age && !age.closest("a, button, summary")) show(age);
});

function mark() {
  document.querySelectorAll(STOPS).forEach((age) => { if (!age.closest("a, button, summary")) age.tabIndex = 0; });
}

mark();
document.addEventListener("htmx:afterSettle", mark);
