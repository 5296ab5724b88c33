// What one goes to from the list of notices is read by that: told beside, as the page goes.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-read]");
  if (!link) return;
  const { "X-CSRFToken": secret } = JSON.parse(document.body.getAttribute("hx-headers"));
  fetch(link.dataset.read, { method: "POST", keepalive: true, headers: { "X-CSRFToken": secret, "HX-Request": "true" } });
  delete link.dataset.read;
});

// What is new is shown by the browser where its person let it: only then is the code for it fetched.
const canShow = "Notification" in window;
document.body.addEventListener("prism:told", async () => {
  if (canShow && Notification.permission === "granted") (await import("./browser_notices.js")).showNew();
});
if (canShow && document.getElementById("browser-notices")) import("./browser_notices.js").then((module) => module.begin());
