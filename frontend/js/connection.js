// One WebSocket that is always there or on its way back. It never trusts silence: a ping has a deadline, short when the
// page comes back from sleep, from another tab or from being offline. An attempt that hangs may hang in a network that
// is gone; browsers make one at a time, so scouts (small requests) go beside it and start it anew once one comes home.
const PULSE = { visible: 4000, hidden: 20000 };
const PONG = { pulse: 1500, back: 500 };
const ATTEMPT = { least: 250, most: 8000 };
const SCOUT = { path: "/livez", apart: 700, most: 2100 };
// Connections that a browser keeps for requests, and how long one that lives may take to answer.
const KEPT = { most: 6, answers: 400 };
const SLEPT = 4000;
const SIGNED_OUT = 4401;

// [outage so far, longest pause] while somebody looks; who hides the page waits for it to be seen.
const PAUSES = [[120000, 800], [600000, 4000], [Infinity, 12000]];
const HIDDEN_PAUSE = 15000;

async function ask(most, credentials) {
  const leash = new AbortController();
  const timer = setTimeout(() => leash.abort(), most);
  try {
    await fetch(SCOUT.path, { cache: "no-store", credentials, signal: leash.signal });
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** What dies with a socket are the connections kept for requests: the browser drops those that do not answer now. */
function rouse() {
  for (let count = 0; count < KEPT.most; count += 1) ask(KEPT.answers, "same-origin");
}

export class Connection {
  /** `hears(message)`, `opens()`, `changes()` are called for the owner; nothing is tried before `start()`. */
  constructor(url, { hears, opens, changes }) {
    Object.assign(this, { url, hears, opens, changes });
    this.socket = null;
    this.trying = null;
    this.failures = 0;
    this.isOver = false;
    this.lostAt = Date.now();
    this.triedAt = 0;
    this.heardAt = 0;
    this.roundTrip = 100;
    this.ping = null;
    // Doubled each time that silence ended a socket: a slow server must not be run down by pages that come back.
    this.doubt = 1;
    this.beat = Date.now();
  }

  get isOpen() {
    return this.socket !== null;
  }

  start() {
    this.attempt();
    setInterval(() => this.pulse(), 1000);
    setInterval(() => this.scout(), SCOUT.apart);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.back(false); });
    addEventListener("focus", () => this.back(false));
    document.addEventListener("resume", () => this.back(true));
    addEventListener("online", () => this.back(true));
    addEventListener("offline", () => this.probe(PONG.back));
    addEventListener("pageshow", (event) => { if (event.persisted) this.back(true); });
    // A page that is kept for the back button must not hold a socket; pageshow opens a new one.
    addEventListener("pagehide", () => this.drop());
  }

  send(message) {
    if (this.socket) this.socket.send(JSON.stringify(message));
  }

  // ------------------------------------------------------------ is it still there?
  pulse() {
    const at = Date.now();
    const gap = at - this.beat;
    this.beat = at;
    // A hidden page's timers are slowed down to one a minute: that is no sleep.
    if (gap > SLEPT && !document.hidden) this.back(true);
    const rest = document.hidden ? PULSE.hidden : PULSE.visible;
    if (this.socket && at - this.heardAt > rest) this.probe(PONG.pulse);
  }

  /** The page may have been away; `isSure`: it certainly was, so a new socket is opened beside the old one. */
  back(isSure) {
    if (this.isOver) return;
    this.probe(PONG.back);
    if (this.socket && !isSure) {
      this.hedge();
      return;
    }
    // Several signs of one return make one attempt.
    if (Date.now() - this.triedAt < ATTEMPT.least) return;
    this.failures = 0;
    if (isSure) rouse();
    this.attempt();
  }

  probe(within) {
    if (!this.socket) return;
    const patience = Math.max(within, Math.min(4 * this.roundTrip, 3000)) * this.doubt;
    if (this.ping && !this.ping.isHeard) {
      this.expect(Math.min(patience, this.ping.by - Date.now()));
      return;
    }
    this.forgetPing();
    this.ping = { sent: Date.now() };
    this.send({ type: "ping" });
    this.expect(patience);
  }

  /** Where answers came at once so far, half of the patience already makes one doubt. */
  hedge() {
    const ping = this.ping;
    if (!ping || this.doubt > 1 || this.roundTrip > PONG.back / 4) return;
    setTimeout(() => {
      if (this.ping !== ping || ping.isHeard || this.trying) return;
      rouse();
      this.attempt();
    }, PONG.back / 2);
  }

  expect(patience) {
    const ping = this.ping;
    ping.by = Date.now() + patience;
    clearTimeout(ping.timer);
    ping.timer = setTimeout(() => {
      if (this.ping !== ping) return;
      // A page that was busy itself reads its messages first.
      if (Date.now() > ping.by + 250) this.expect(300);
      else this.silence();
    }, Math.max(0, patience));
  }

  // ------------------------------------------------------------ attempts
  attempt() {
    clearTimeout(this.timer);
    this.abandon();
    if (this.isOver) return;
    this.triedAt = Date.now();
    const socket = new WebSocket(this.url);
    this.trying = socket;
    this.timer = setTimeout(() => this.fail(socket), ATTEMPT.most);
    socket.addEventListener("open", () => this.take(socket));
    socket.addEventListener("message", (event) => { if (socket === this.socket) this.hear(event.data); });
    socket.addEventListener("close", (event) => {
      if (event.code === SIGNED_OUT) this.end();
      else if (socket === this.socket) this.lose(socket, 300 * Math.random());
      else this.fail(socket);
    });
  }

  take(socket) {
    if (socket !== this.trying) return;
    const old = this.socket;
    clearTimeout(this.timer);
    this.trying = null;
    this.socket = socket;
    this.failures = 0;
    this.forgetPing();
    this.heardAt = Date.now();
    if (old) old.close();
    this.opens();
    this.probe(PONG.pulse);
    this.changes();
  }

  fail(socket) {
    if (socket !== this.trying) return;
    this.abandon();
    this.failures += 1;
    this.changes();
    if (!this.socket) this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    const outage = Date.now() - this.lostAt;
    const longest = document.hidden ? HIDDEN_PAUSE : PAUSES.find(([most]) => outage < most)[1];
    const pause = Math.min(longest, 200 * 2 ** Math.min(this.failures - 1, 10));
    this.timer = setTimeout(() => this.attempt(), pause * (0.75 + 0.5 * Math.random()));
  }

  abandon() {
    const socket = this.trying;
    this.trying = null;
    if (socket) socket.close();
  }

  async scout() {
    const hanging = this.trying;
    if (!hanging || document.hidden || Date.now() - this.triedAt < SCOUT.apart) return;
    // Without credentials it has connections of its own. One attempt hung while there was no way; one that began since
    // may be just slow.
    if ((await ask(SCOUT.most, "omit")) && this.trying === hanging) this.attempt();
  }

  // ------------------------------------------------------------ what comes
  hear(text) {
    const at = Date.now();
    this.heardAt = at;
    const message = JSON.parse(text);
    if (this.ping) {
      clearTimeout(this.ping.timer);
      this.ping.isHeard = true;
    }
    if (message.type === "pong" && this.ping) this.takePong(message, at - this.ping.sent);
    this.hears(message);
  }

  takePong(message, took) {
    message.took = this.roundTrip = took;
    if (took < PONG.back) this.doubt = Math.max(1, this.doubt / 2);
    this.forgetPing();
    // It lives: an attempt beside it was not needed.
    this.abandon();
  }

  forgetPing() {
    if (this.ping) clearTimeout(this.ping.timer);
    this.ping = null;
  }

  silence() {
    this.doubt = Math.min(8, this.doubt * 2);
    if (!this.trying) rouse();
    this.lose(this.socket);
  }

  // Everybody's socket closes when a server restarts: they come back one after the other, within `pause` ms.
  lose(socket, pause = 0) {
    if (!socket || socket !== this.socket) return;
    this.forgetPing();
    this.socket = null;
    this.lostAt = Date.now();
    this.failures = 0;
    socket.close();
    this.changes();
    if (!this.trying) this.timer = setTimeout(() => this.attempt(), pause);
  }

  drop() {
    clearTimeout(this.timer);
    this.abandon();
    this.forgetPing();
    const socket = this.socket;
    this.socket = null;
    // A page that is back at once need not wait as after an attempt that is under way.
    this.triedAt = 0;
    if (socket) socket.close();
  }

  end() {
    this.isOver = true;
    this.drop();
    this.changes();
  }
}
