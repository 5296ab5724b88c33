// "Copy as API call": the server says a form with its present values as one curl (desk/api_calls); this copies it.
import { labelOf } from "./acts.js";
import { write } from "./copy.js";
import { toast, word } from "./messages.js";

const BUTTONS = "button:not([type='button']):not([type='reset']):not([disabled])";

const actionOf = (form, button) => new URL(button?.getAttribute("formaction") || form.getAttribute("action") || "", location.href);

/** [{form, button, label}] of all forms of the page that post; of forms in rows only those of the chosen row. */
export function formsOfPage() {
  const row = document.activeElement?.closest("[data-row]") || document.querySelector("main [data-row]");
  const found = [];
  document.querySelectorAll("main form[method='post']").forEach((form) => {
    const own = form.closest("[data-row]");
    if (own && own !== row) return;
    form.querySelectorAll(BUTTONS).forEach((button) => {
      const label = labelOf(button);
      if (label && !found.some((one) => one.label === label && one.form.action === form.action)) found.push({ form, button, label });
    });
  });
  return found;
}

function valuesOf(form, button) {
  const values = new URLSearchParams();
  new FormData(form).forEach((value, name) => {
    if (typeof value !== "string" || name === "csrfmiddlewaretoken") return;
    // A password is only said to be there: its place in the command is left to be filled in.
    const field = form.querySelector(`[type="password"][name="${CSS.escape(name)}"]`);
    values.append(name, field && value ? "*" : value);
  });
  if (button?.name) values.append(button.name, button.value);
  values.append("_action", actionOf(form, button).href);
  return values;
}

/** Puts the act of the form, as it stands now, on the clipboard. */
export async function copyCall(form, button) {
  const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  try {
    const answer = await fetch(document.getElementById("palette").dataset.call, {
      method: "POST", body: valuesOf(form, button), headers: { "X-CSRFToken": token, Accept: "application/json" },
    });
    if (!answer.ok) throw new Error(String(answer.status));
    await copy((await answer.json()).curl);
  } catch {
    toast(word("no_call"), "warning");
  }
}

async function copy(text) {
  await write(text);
  toast(word("call_copied"), "success");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-call]");
  if (!button) return;
  const { action, label } = button.dataset;
  const live = formsOfPage().find((one) => actionOf(one.form, one.button).pathname === action && one.label === label);
  if (live) copyCall(live.form, live.button);
  else copy(button.closest(".api-call").querySelector("pre").textContent).catch(() => toast(word("no_call"), "warning"));
});

function show() {
  document.querySelectorAll("[data-copy-call]").forEach((button) => (button.hidden = false));
}
show();

// A live page may offer other acts than when it was drawn: an opened list is drawn afresh.
document.addEventListener("toggle", async (event) => {
  if (event.target.id !== "api-calls" || !event.target.open) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("api-calls");
  if (!fresh || !event.target.isConnected) return;
  event.target.replaceChildren(...fresh.childNodes);
  show();
}, true);
