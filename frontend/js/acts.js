// What one can do on a page: its name, and how a key or the palette does it.
import { toast, word } from "./messages.js";

/** Greyed, with the reason beside it. */
export const isDisabled = (element) => element.disabled || element.getAttribute("aria-disabled") === "true";

/** Does this send something by itself? A link only leads on. */
const sends = (element) => element.matches("button, input") && element.type === "submit" && element.form?.method === "post";
const asks = (element) => "confirm" in element.dataset || "confirm" in (element.form?.dataset || {});

/** Focus and click. What deploys or touches production is only led to: Enter, or its own dialog, is the confirmation. */
export function activate(element) {
  if (isDisabled(element)) return say(element);
  element.scrollIntoView({ block: "nearest" });
  element.focus();
  const isProduction = element.closest("[data-production]");
  if (sends(element) && !asks(element) && (isProduction || element.dataset.key === "d")) {
    const act = labelOf(element);
    toast(isProduction ? word("press_enter", { act }) : word("press_enter_too", { act }), "warning");
    return;
  }
  element.click();
}

/** Why not: the message that the disabled button is described by. */
function say(element) {
  const reason = (element.getAttribute("aria-describedby") || "")
    .split(/\s+/)
    .map((id) => document.getElementById(id)?.textContent.trim().replace(/\s+/g, " "))
    .filter(Boolean)
    .join(" ");
  toast(`${labelOf(element)}: ${reason || word("not_now")}`, "warning");
}

/** What an act is called, without its key: what is to be seen, else what a screen reader says (desk/api_calls/forms.py alike). */
export function labelOf(element) {
  const text = (part) => part.textContent.trim().replace(/\s+/g, " ");
  const copy = element.cloneNode(true);
  copy.querySelectorAll("kbd, svg").forEach((part) => part.remove());
  const whole = text(copy);
  copy.querySelectorAll(".visually-hidden").forEach((part) => part.remove());
  return text(copy) || element.getAttribute("aria-label") || whole || element.title;
}
