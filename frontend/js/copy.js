// Buttons with data-copy put that text on the clipboard and say so; the icon is coloured for a moment.
import { announce, word } from "./messages.js";

const SHOWN = 1500;

export async function write(text) {
  // Browsers give navigator.clipboard to https and localhost alone, and many an intranet has neither.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const box = document.createElement("textarea");
  box.value = text;
  box.className = "visually-hidden";
  const before = document.activeElement;
  document.body.append(box);
  box.select();
  const isDone = document.execCommand("copy");
  box.remove();
  if (before && before.focus) before.focus({ preventScroll: true });
  if (!isDone) throw new Error("the browser refused");
  return undefined;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await write(button.dataset.copy);
  } catch {
    return;
  }
  announce(word("copied"));
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), SHOWN);
});
