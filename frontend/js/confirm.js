// A question before an act: forms and buttons with data-confirm ask it in the page's one dialog. Without JavaScript the
// form goes as it is: an act that must be asked about has a page of its own that asks.
import { toast, word } from "./messages.js";

const dialog = document.getElementById("confirm");
const agreed = new WeakSet();
let asked = null;

const inDialog = (part) => dialog.querySelector(`[data-confirm-${part}]`);

/** The element that carries the question: the button that was pressed, or its form. */
function questionOf(form, submitter) {
  if (submitter && "confirm" in submitter.dataset) return submitter;
  return "confirm" in form.dataset ? form : null;
}

function ask(form, submitter, source) {
  asked = { form, submitter, question: source.dataset.confirm, title: "" };
  // A button's own word, without its key.
  const word = [...(submitter?.childNodes || [])].filter((node) => node.nodeName !== "KBD").map((node) => node.textContent);
  const label = source.dataset.confirmLabel || word.join("").trim();
  inDialog("text").textContent = source.dataset.confirm;
  if (label) {
    asked.title = label;
    inDialog("title").textContent = label;
    inDialog("yes").textContent = label;
  }
  const isDanger = source.classList.contains("btn-danger") || "confirmDanger" in source.dataset;
  inDialog("yes").classList.toggle("btn-danger", isDanger);
  inDialog("yes").classList.toggle("btn-primary", !isDanger);
  dialog.returnValue = "";
  dialog.showModal();
}

/** What a form would send, without the token, whose mask differs in each answer. */
const sentBy = (form) => [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken").join("&");
const isLike = (one, other) => ["name", "value", "formaction"].every((name) => one.getAttribute(name) === other.getAttribute(name));

/** The form and button as the page has them now: a live panel may have been drawn anew while the question stood. */
function present({ form, submitter, question }) {
  if (form.isConnected) return { form, submitter: submitter?.isConnected ? submitter : undefined };
  for (const same of document.querySelectorAll("form")) {
    if (same.getAttribute("action") !== form.getAttribute("action") || sentBy(same) !== sentBy(form)) continue;
    const button = submitter && [...same.elements].find((one) => one.type === "submit" && isLike(one, submitter));
    if (Boolean(button) === Boolean(submitter) && questionOf(same, button)?.dataset.confirm === question) return { form: same, submitter: button };
  }
  return null;
}

if (dialog) {
  // In the capture phase: before htmx, and before any other listener of the submit.
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (form.closest("#confirm")) return;
      const source = questionOf(form, event.submitter);
      if (!source || agreed.delete(form)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      ask(form, event.submitter, source);
    },
    true,
  );
  dialog.addEventListener("close", () => {
    if (!asked) return;
    const { title } = asked;
    const now = present(asked);
    asked = null;
    // What had the focus before is gone: what took its place has it, and not a button of the dialog that is closed.
    const active = document.activeElement;
    if (now?.submitter && (active === document.body || dialog.contains(active))) now.submitter.focus();
    if (dialog.returnValue !== "yes") return;
    if (!now) {
      toast([title, word("not_now")].filter(Boolean).join(": "), "warning");
      return;
    }
    const { form, submitter } = now;
    agreed.add(form);
    form.requestSubmit(submitter);
    // What the form itself refused (an empty field) is asked about again.
    agreed.delete(form);
  });
}
