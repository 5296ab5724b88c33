// A table with boxes to tick: one box for all of them, and how many are ticked. Boxes of a row that comes anew count too.
const form = document.querySelector("form[data-ticks]");
const boxes = () => [...form.querySelectorAll(`input[name=${form.dataset.ticks || "orders"}]`)];

function count() {
  const all = form.querySelector("[data-all]");
  const ticked = boxes().filter((box) => box.checked).length;
  document.querySelectorAll("[data-count]").forEach((place) => { place.textContent = ticked || ""; });
  if (!all) return;
  all.hidden = false;
  all.checked = ticked > 0 && ticked === boxes().length;
  all.indeterminate = ticked > 0 && !all.checked;
}

form.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) boxes().forEach((box) => { box.checked = event.target.checked; });
  count();
});
document.addEventListener("htmx:afterSettle", count);
count();
