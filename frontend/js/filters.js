// A list's filters: what is chosen counts at once, and what is empty stays out of the address.
// A date that is typed is one at the first digit of its year already (0002): it waits for Enter or the button.
let typed = null;
document.addEventListener("keydown", (event) => { typed = event.target.type === "date" ? event.target : null; });
document.addEventListener("pointerdown", () => { typed = null; });

document.addEventListener("change", (event) => {
  if (event.target === typed) return;
  const form = event.target.closest("form[data-filters]");
  // One without a name only shows and hides the others.
  if (form && event.target.name && (event.target.tagName === "SELECT" || ["checkbox", "date"].includes(event.target.type))) form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-filters]")) return;
  const empty = [...event.target.elements].filter((field) => field.name && field.name !== "project" && !field.value);
  empty.forEach((field) => { field.disabled = true; });
  // The page may come back from the browser's memory: its fields are there again.
  setTimeout(() => empty.forEach((field) => { field.disabled = false; }));
});
