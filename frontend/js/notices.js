// What one goes to from the list of notices is read by that: told beside, as the page goes.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-read]");
  if (!link) return;
  const { "X-CSRFToken": secret } = JSON.parse(document.body.getAttribute("hx-headers"));
  fetch(link.dataset.read, { method: "POST", keepalive: true, headers: { "X-CSRFToken": secret, "HX-Request": "true" } });
  delete link.dataset.read;
});
