// One socket a page: it says which event it has, the server replays the rest and goes on live.
// Panels marked data-live-panel are fetched anew when something changed; log text is appended by offset.
const body = document.body;
const topic = body.dataset.topic;
const state = { cursor: Number(body.dataset.after || 0), tries: 0, socket: null, heard: Date.now() };

function show(how) {
  const box = document.querySelector("[data-live]");
  if (!box) return;
  const word = box.querySelector("[data-live-word]");
  if (box.dataset.live === how) return;
  box.dataset.live = how;
  word.textContent = word.dataset[`live${how[0].toUpperCase()}${how.slice(1)}`] || "";
}

let pending = 0;
function refresh() {
  // Several events of one moment make one fetch a panel.
  if (pending) return;
  pending = setTimeout(() => {
    pending = 0;
    body.dispatchEvent(new CustomEvent("prism:changed", { bubbles: true }));
  }, 120);
}

function take(message) {
  if (message.type === "subscribed") {
    if (message.last_seq > state.cursor) refresh();
  } else if (message.type === "events") {
    const fresh = message.events.filter((event) => event.seq > state.cursor);
    if (!fresh.length) return;
    if (fresh[0].seq > state.cursor + 1) {
      // A gap: ask again from what we have.
      subscribe();
      return;
    }
    state.cursor = fresh[fresh.length - 1].seq;
    const onlyLog = fresh.every((event) => event.kind === "build.log");
    if (fresh.some((event) => event.kind === "build.log")) growLogs();
    if (!onlyLog) refresh();
  } else if (message.type === "changed") {
    refresh();
  } else if (message.type === "gone") {
    location.reload();
  }
}

function subscribe() {
  state.socket.send(JSON.stringify({ type: "subscribe", topic, after: state.cursor }));
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws/live/`);
  state.socket = socket;
  socket.addEventListener("open", () => {
    state.tries = 0;
    state.heard = Date.now();
    subscribe();
    show("ok");
  });
  socket.addEventListener("message", (event) => {
    state.heard = Date.now();
    show("ok");
    take(JSON.parse(event.data));
  });
  socket.addEventListener("close", (event) => {
    show("off");
    // 4401: signed out. 1012: the server restarts and is back at once.
    if (event.code === 4401) return;
    const wait = event.code === 1012 ? 200 : Math.min(15000, 500 * 2 ** state.tries);
    state.tries += 1;
    setTimeout(connect, wait * (0.7 + 0.6 * Math.random()));
  });
}

const growing = new Set();
async function growLog(box) {
  if (growing.has(box)) return;
  growing.add(box);
  try {
    for (;;) {
      const offset = Number(box.dataset.offset || 0);
      const answer = await fetch(`${box.dataset.log}?offset=${offset}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const page = await answer.json();
      if (!page.text) return;
      const follow = box.scrollTop + box.clientHeight >= box.scrollHeight - 24;
      box.append(document.createTextNode(page.text));
      box.dataset.offset = String(page.next_offset);
      if (follow) box.scrollTop = box.scrollHeight;
    }
  } finally {
    growing.delete(box);
  }
}

function growLogs() {
  document.querySelectorAll("[data-log]").forEach(growLog);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button && navigator.clipboard) navigator.clipboard.writeText(button.dataset.copy);
});
document.addEventListener("htmx:afterSettle", growLogs);

growLogs();
if (topic) {
  connect();
  setInterval(() => {
    if (state.socket && state.socket.readyState === WebSocket.OPEN) {
      state.socket.send('{"type":"ping"}');
      if (Date.now() - state.heard > 12000) {
        show("late");
        state.socket.close();
      }
    }
  }, 5000);
  addEventListener("online", () => state.socket && state.socket.readyState > 1 && connect());
} else {
  show("ok");
}
