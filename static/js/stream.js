// One socket a page: it says which event it has, the server replays the rest and goes on live.
// data-topic of the body lists topics ("order:K8S…,space:3"); panels listen for prism:changed and are fetched anew;
// log text is appended by offset. Without this file every page reads and every form works.
const body = document.body;
const topics = (body.dataset.topic || "").split(",").filter(Boolean);
// Only orders are numbered; of the others the server says "look again".
const cursors = new Map(topics.filter((topic) => topic.startsWith("order:")).map((topic) => [topic, Number(body.dataset.after || 0)]));
const state = { tries: 0, socket: null, heard: Date.now(), timer: 0 };

function show(how) {
  const box = document.querySelector("[data-live]");
  if (!box || box.dataset.live === how) return;
  box.dataset.live = how;
  const word = box.querySelector("[data-live-word]");
  word.textContent = word.dataset[`live${how[0].toUpperCase()}${how.slice(1)}`] || "";
}

// ---------------------------------------------------------------- panels
let pending = 0;
let busy = 0;
let again = false;
function refresh() {
  // Several events of one moment make one fetch a panel; one that is under way is followed by another.
  if (busy) {
    again = true;
    return;
  }
  if (pending) return;
  pending = setTimeout(() => {
    pending = 0;
    body.dispatchEvent(new CustomEvent("prism:changed", { bubbles: true }));
  }, 120);
}

function isLivePanel(element) {
  return element && element.getAttribute && (element.getAttribute("hx-trigger") || "").includes("prism:changed");
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (isLivePanel(event.detail.elt)) busy += 1;
});
document.addEventListener("htmx:afterRequest", (event) => {
  // The panel may be gone from the page by now, so the verb of the request tells.
  if (busy && event.detail.requestConfig && event.detail.requestConfig.verb === "get" && event.detail.pathInfo.requestPath.includes("part=")) {
    busy -= 1;
    if (again && !busy) {
      again = false;
      refresh();
    }
  }
});

function isBeingTypedIn(target) {
  // What somebody has begun to type is never taken away by news.
  if (!target || !target.querySelectorAll) return false;
  return [...target.querySelectorAll("input:not([type=hidden]), textarea, select")].some((field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected);
    return field.value !== field.defaultValue || (field === document.activeElement && field.tagName === "TEXTAREA");
  });
}

const opened = new Set();
function beforeSwap(event) {
  const target = event.detail.target;
  const source = event.detail.requestConfig ? event.detail.requestConfig.elt : target;
  const isNews = isLivePanel(source) || event.type === "htmx:oobBeforeSwap";
  if (isNews && isBeingTypedIn(target)) {
    event.detail.shouldSwap = false;
    target.classList.add("outdated");
    return;
  }
  target.querySelectorAll("details[id]").forEach((box) => {
    // Both ways: what was closed stays closed too.
    opened.delete(`${box.id}:open`);
    opened.delete(`${box.id}:shut`);
    opened.add(`${box.id}:${box.open ? "open" : "shut"}`);
  });
}
document.addEventListener("htmx:beforeSwap", beforeSwap);
document.addEventListener("htmx:oobBeforeSwap", beforeSwap);
document.addEventListener("htmx:afterSettle", () => {
  document.querySelectorAll("details[id]").forEach((box) => {
    if (opened.has(`${box.id}:open`)) box.open = true;
    if (opened.has(`${box.id}:shut`)) box.open = false;
  });
  growLogs();
});
document.addEventListener("htmx:responseError", (event) => {
  // A refusal is a fragment with its sentence; the panel itself stays as it was.
  const box = document.getElementById("messages");
  if (box && event.detail.xhr.status !== 404) box.innerHTML = event.detail.xhr.responseText;
});

// ---------------------------------------------------------------- the socket
function take(message) {
  if (message.type === "subscribed") {
    if (cursors.has(message.topic) && message.last_seq > cursors.get(message.topic)) refresh();
  } else if (message.type === "events") {
    takeEvents(message);
  } else if (message.type === "changed") {
    refresh();
  } else if (message.type === "gone") {
    location.reload();
  }
}

function takeEvents(message) {
  const cursor = cursors.get(message.topic) || 0;
  const fresh = message.events.filter((event) => event.seq > cursor);
  if (!fresh.length) return;
  if (fresh[0].seq > cursor + 1) {
    // A gap: ask again from what we have.
    subscribe(message.topic);
    return;
  }
  cursors.set(message.topic, fresh[fresh.length - 1].seq);
  if (fresh.some((event) => event.kind === "build.log" || event.kind.startsWith("build."))) growLogs();
  if (!fresh.every((event) => event.kind === "build.log")) refresh();
}

function subscribe(topic) {
  state.socket.send(JSON.stringify({ type: "subscribe", topic, after: cursors.get(topic) || 0 }));
}

function connect() {
  clearTimeout(state.timer);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws/live/`);
  state.socket = socket;
  let wasOpen = false;
  socket.addEventListener("open", () => {
    wasOpen = true;
    // Topics without numbers are not replayed: after an absence the panels look for themselves.
    if (state.tries && topics.length > cursors.size) refresh();
    state.heard = Date.now();
    topics.forEach(subscribe);
    show("ok");
  });
  socket.addEventListener("message", (event) => {
    state.heard = Date.now();
    state.tries = 0;
    show("ok");
    take(JSON.parse(event.data));
  });
  socket.addEventListener("close", (event) => {
    if (state.socket !== socket) return;
    show("off");
    // 4401: signed out; nothing would come of trying again.
    if (event.code === 4401) return;
    // 1012: the server restarts and is back at once.
    const wait = event.code === 1012 && wasOpen ? 200 : Math.min(15000, 500 * 2 ** state.tries);
    state.tries += 1;
    state.timer = setTimeout(connect, wait * (0.7 + 0.6 * Math.random()));
  });
}

function watchSocket() {
  if (!state.socket || state.socket.readyState !== WebSocket.OPEN) return;
  state.socket.send('{"type":"ping"}');
  if (Date.now() - state.heard > 12000) {
    show("late");
    state.socket.close();
  }
}

// ---------------------------------------------------------------- logs
const growing = new Set();
const missed = new Set();
async function growLog(box) {
  if (growing.has(box)) {
    missed.add(box);
    return;
  }
  growing.add(box);
  try {
    for (;;) {
      missed.delete(box);
      const offset = Number(box.dataset.offset || 0);
      const answer = await fetch(`${box.dataset.log}?offset=${offset}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const page = await answer.json();
      if (page.text) append(box, page);
      else if (!missed.has(box)) return;
    }
  } catch {
    // Offline: the next event, or the socket's return, asks again.
  } finally {
    growing.delete(box);
  }
}

function append(box, page) {
  const follow = isAtEnd(box);
  box.append(document.createTextNode(page.text));
  box.dataset.offset = String(page.next_offset);
  if (follow) box.scrollTop = box.scrollHeight;
}

function isAtEnd(box) {
  return box.scrollTop + box.clientHeight >= box.scrollHeight - 24;
}

function growLogs() {
  document.querySelectorAll("[data-log]").forEach(growLog);
}

// ---------------------------------------------------------------- small helps
document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy && navigator.clipboard) {
    navigator.clipboard.writeText(copy.dataset.copy).then(() => {
      copy.classList.add("copied");
      setTimeout(() => copy.classList.remove("copied"), 1500);
    });
  }
  const toEnd = event.target.closest("[data-to-end]");
  if (toEnd) {
    const box = document.getElementById(toEnd.dataset.toEnd);
    box.scrollTop = box.scrollHeight;
  }
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});
document.addEventListener("submit", (event) => {
  // A second click on the same button sends nothing; the page that follows has new buttons.
  const form = event.target;
  if (form.method === "post" && form.dataset.sent) event.preventDefault();
  else if (form.method === "post") form.dataset.sent = "1";
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

document.querySelectorAll("[data-log]").forEach((box) => {
  box.scrollTop = box.scrollHeight;
  const back = document.querySelector("[data-log-back]");
  if (back) box.addEventListener("scroll", () => { back.hidden = isAtEnd(box); });
});
growLogs();
if (topics.length) {
  connect();
  setInterval(watchSocket, 5000);
  addEventListener("online", () => {
    if (state.socket && state.socket.readyState > 1) connect();
  });
}
