// A form is sent once: a second click or Enter sends nothing until the answer is there. The page that follows has new
// forms; one that comes back by the back button may be sent again.
import { announce, word } from "./messages.js";

const SLOW = 1000;

function isPost(form) {
  return form instanceof HTMLFormElement && (form.getAttribute("method") || "").toLowerCase() === "post";
}

function release(form) {
  delete form.dataset.sent;
  form.querySelectorAll("[aria-busy=true]").forEach((button) => button.removeAttribute("aria-busy"));
}

// Before htmx and everybody else: what was sent already goes nowhere.
document.addEventListener("submit", (event) => {
  if (!isPost(event.target) || !event.target.dataset.sent) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

function mark(form, button) {
  form.dataset.sent = "1";
  if (button) button.setAttribute("aria-busy", "true");
  setTimeout(() => { if (form.isConnected && form.dataset.sent) announce(word("sending")); }, SLOW);
}

// After everybody else: what one of them stopped, for a confirmation say, was not sent. htmx sends by itself.
addEventListener("submit", (event) => {
  if (isPost(event.target) && !event.defaultPrevented) mark(event.target, event.submitter);
});

const isSending = (event) => isPost(event.detail.elt) && event.detail.requestConfig.verb !== "get";
document.addEventListener("htmx:beforeSend", (event) => {
  if (isSending(event)) mark(event.detail.elt, null);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (isPost(event.detail.elt)) release(event.detail.elt);
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));
