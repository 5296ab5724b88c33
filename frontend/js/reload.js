// Loads the page anew where a session or a right has ended.
// A form that was sent leads to another page by itself. To load this one anew meanwhile would break the request off, and
// with its answer a new session may get lost: who becomes somebody else would be signed out.
const SENT_FOR = 15000;

let sentAt = -SENT_FOR;

addEventListener("submit", (event) => { if (!event.defaultPrevented) sentAt = performance.now(); });

export function reload() {
  const rest = sentAt + SENT_FOR - performance.now();
  if (rest > 0) setTimeout(reload, rest);
  else location.reload();
}
