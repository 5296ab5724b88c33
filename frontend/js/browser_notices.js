// What a person is told, shown by the browser itself while a page is open, also when another window is before it. Asked
// for by the person's own click on their settings; which kinds is their choice too. Several windows show one thing once:
// by its tag, and by the last one shown, which they share.
const PATH = "/notifications/browser/";
// Of this person: another one may use the same browser.
const LAST = `prism4k.shown.${document.getElementById("notice-count")?.dataset.topics}`;

const box = () => document.getElementById("browser-notices");

export async function showNew() {
  const last = localStorage.getItem(LAST);
  const answer = await fetch(last === null ? PATH : `${PATH}?after=${Math.max(1, Number(last))}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const { newest, notices } = await answer.json();
  localStorage.setItem(LAST, String(newest));
  notices.forEach(show);
}

function show({ id, text, detail, path }) {
  const shown = new Notification(text, { body: detail, tag: `prism4k-notice-${id}` });
  shown.addEventListener("click", () => {
    window.focus();
    location.assign(path);
  });
}

/** The button on the settings page, and what it says. */
export function begin() {
  const part = box();
  part.hidden = false;
  say();
  part.querySelector("button").addEventListener("click", async () => {
    await Notification.requestPermission();
    say();
    // From now on: what was told before is in the list.
    if (Notification.permission === "granted") await showNew();
  });
}

function say() {
  box().dataset.permission = Notification.permission;
  box().querySelectorAll("[data-when]").forEach((part) => {
    part.hidden = part.dataset.when !== Notification.permission;
  });
}
