// How many things wait for this person, before the window's title: "(3) Home · Prism4k". The rail fetches the number.
const own = () => document.title.replace(/^\(\d+\+?\) /, "");

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "home-count") return;
  const found = event.target.querySelector("[data-title-count]");
  document.title = found ? `(${found.dataset.titleCount}) ${own()}` : own();
});
