// What is pressed now and has not been clicked yet. To replace it would take the click away: answers wait for that.
const CLICK_MS = 60;
// A touch becomes a click only when the browser knows that it is no gesture.
const TOUCH_MS = 350;

let pressed = null;
let timer = 0;
const waiting = [];

function begin(target) {
  stop();
  pressed = target;
}

function stop() {
  clearTimeout(timer);
  timer = 0;
}

function end() {
  stop();
  pressed = null;
  waiting.splice(0).forEach((go) => go());
}

// A click comes after what released it, in the same moment or never: then the wait ends by itself.
function endSoon(pause) {
  if (!pressed) return;
  stop();
  timer = setTimeout(end, pause);
}

/** Calls back at once, or when what is pressed has been let go and its click is through; in the order of the calls. */
export function whenLetGo(go) {
  if (pressed) waiting.push(go);
  else go();
}

// A scroll bar tells of its press and not always of its end.
function isBar({ target, offsetX, offsetY }) {
  const scrolls = target.scrollHeight > target.clientHeight || target.scrollWidth > target.clientWidth;
  // An inline element has no size of its own, and no bar.
  return target.clientWidth > 0 && scrolls && (offsetX > target.clientWidth || offsetY > target.clientHeight);
}

document.addEventListener("pointerdown", (event) => {
  if (event.button === 0 && !isBar(event)) begin(event.target);
}, true);
document.addEventListener("pointerup", (event) => endSoon(event.pointerType === "touch" ? TOUCH_MS : CLICK_MS), true);
document.addEventListener("pointercancel", end, true);
document.addEventListener("pointermove", (event) => {
  // Let go outside of the window.
  if (!event.buttons && event.pointerType === "mouse" && !timer) endSoon(CLICK_MS);
}, true);
document.addEventListener("keydown", (event) => {
  if ((event.key === "Enter" || event.key === " ") && !event.repeat) begin(event.target);
}, true);
document.addEventListener("keyup", (event) => {
  if (event.key === "Enter" || event.key === " ") endSoon(CLICK_MS);
}, true);
// The last of all who hear it: what the click does, it has done.
addEventListener("click", () => endSoon(0));
addEventListener("blur", end);
document.addEventListener("visibilitychange", () => { if (document.hidden) end(); });
