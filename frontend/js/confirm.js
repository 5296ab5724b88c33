// A question before an act: forms and buttons with data-confirm ask it in the page's one dialog. Without JavaScript the
// form goes as it is: an act that must be asked about has a page of its own that asks.
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
  asked = { form, submitter };
  // A button's own word, without its key.
  const word = [...(submitter?.childNodes || [])].filter((node) => node.nodeName !== "KBD").map((node) => node.textContent);
  const label = source.dataset.confirmLabel || word.join("").trim();
  inDialog("text").textContent = source.dataset.confirm;
  if (label) {
    inDialog("title").textContent = label;
    inDialog("yes").textContent = label;
  }
  const isDanger = source.classList.contains("btn-danger") || "confirmDanger" in source.dataset;
  inDialog("yes").classList.toggle("btn-danger", isDanger);
  inDialog("yes").classList.toggle("btn-primary", !isDanger);
  dialog.returnValue = "";
  dialog.showModal();
}

if (dialog) {
  // In the capture phase: before htmx, and before whoever else listens for a form to go.
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
    const { form, submitter } = asked || {};
    asked = null;
    if (dialog.returnValue !== "yes" || !form?.isConnected) return;
    agreed.add(form);
    form.requestSubmit(submitter?.isConnected ? submitter : undefined);
    // What the form itself refused (an empty field) is asked about again.
    agreed.delete(form);
  });
}
