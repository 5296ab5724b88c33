// A list's filters: what is chosen counts at once, and what is empty stays out of the address.
document.addEventListener("change", (event) => {
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
