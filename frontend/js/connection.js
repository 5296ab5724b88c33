// One WebSocket that is always there or on its way back. It never trusts silence: a ping has a deadline, short when the
// page comes back from sleep, from another tab or from being offline. While there is none, an attempt that hangs in a
// dead network holds nobody up: a fresh one begins beside it each second, and the first that opens wins.
const PULSE = { visible: 4000, hidden: 20000 };
const PONG = { pulse: 1500, back: 800 };
const ATTEMPT = { apart: 1000, least: 250, most: 8000 };
const SLEPT = 10000;
const SIGNED_OUT = 4401;

// [outage so far, longest pause] while somebody looks; who hides the page waits for it to be seen.
const PAUSES = [[120000, 1000], [600000, 4000], [Infinity, 12000]];
const HIDDEN_PAUSE = 15000;

export class Connection {
  /** `hears(message)`, `opens()`, `changes()` are called for the owner; nothing is tried before `start()`. */
  constructor(url, { hears, opens, changes }) {
    Object.assign(this, { url, hears, opens, changes });
    this.socket = null;
    this.attempts = new Map();
    this.failures = 0;
    this.isOver = false;
    this.lostAt = Date.now();
    this.triedAt = 0;
    this.roundTrip = 100;
    this.ping = null;
    this.beat = Date.now();
  }

  get isOpen() {
    return this.socket !== null;
  }

  start() {
    this.attempt();
    setInterval(() => this.pulse(), 1000);
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
    const since = at - (this.heardAt || 0);
    if (this.socket && since > (document.hidden ? PULSE.hidden : PULSE.visible)) this.probe(PONG.pulse);
  }

  /** The page may have been away; `isSure`: it certainly was, so a new socket is opened beside the old one. */
  back(isSure) {
    if (this.isOver) return;
    if (this.socket) {
      this.probe(PONG.back);
      if (!isSure) return;
    }
    // Several signs of one return make one attempt.
    if (Date.now() - this.triedAt < ATTEMPT.least) return;
    this.failures = 0;
    this.attempt();
  }

  probe(within) {
    if (!this.socket) return;
    const patience = Math.max(within, Math.min(4 * this.roundTrip, 3000));
    if (this.ping && this.ping.socket === this.socket) {
      this.expect(Math.min(patience, this.ping.by - Date.now()));
      return;
    }
    this.ping = { socket: this.socket, sent: Date.now() };
    this.send({ type: "ping" });
    this.expect(patience);
  }

  expect(patience) {
    const ping = this.ping;
    ping.by = Date.now() + patience;
    clearTimeout(ping.timer);
    ping.timer = setTimeout(() => {
      if (this.ping !== ping || ping.socket !== this.socket) return;
      // A page that was busy itself reads its messages first.
      if (Date.now() > ping.by + 250) this.expect(300);
      else this.lose(ping.socket);
    }, Math.max(0, patience));
  }

  // ------------------------------------------------------------ attempts
  attempt() {
    clearTimeout(this.timer);
    if (this.isOver) return;
    this.triedAt = Date.now();
    // The eldest may be on a slow way; of the others only the youngest is worth its place.
    [...this.attempts.keys()].slice(1).forEach((socket) => this.abandon(socket));
    const socket = new WebSocket(this.url);
    const gone = () => this.fail(socket);
    this.attempts.set(socket, setTimeout(gone, ATTEMPT.most));
    socket.addEventListener("open", () => this.take(socket));
    socket.addEventListener("close", (event) => {
      if (event.code === SIGNED_OUT) this.end();
      else if (socket === this.socket) this.lose(socket, 300 * Math.random());
      else gone();
    });
    this.timer = setTimeout(() => { if (!this.socket) this.attempt(); }, ATTEMPT.apart);
  }

  take(socket) {
    if (!this.attempts.has(socket)) {
      socket.close();
      return;
    }
    const old = this.socket;
    this.forgetAttempts(socket);
    this.socket = socket;
    this.failures = 0;
    this.ping = null;
    this.heardAt = Date.now();
    socket.addEventListener("message", (event) => { if (socket === this.socket) this.hear(event.data); });
    if (old) old.close();
    this.opens();
    this.probe(PONG.pulse);
    this.changes();
  }

  fail(socket) {
    if (!this.attempts.has(socket)) return;
    this.abandon(socket);
    this.failures += 1;
    this.changes();
    // Refused at once: the server is restarting. One that hung has waited enough already.
    if (!this.socket && !this.attempts.size) this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    const outage = Date.now() - this.lostAt;
    const longest = document.hidden ? HIDDEN_PAUSE : PAUSES.find(([most]) => outage < most)[1];
    const pause = Math.min(longest, 200 * 2 ** Math.min(this.failures - 1, 10));
    this.timer = setTimeout(() => this.attempt(), pause * (0.75 + 0.5 * Math.random()));
  }

  forgetAttempts(kept) {
    clearTimeout(this.timer);
    for (const socket of [...this.attempts.keys()]) this.abandon(socket, socket === kept);
  }

  abandon(socket, isKept = false) {
    clearTimeout(this.attempts.get(socket));
    this.attempts.delete(socket);
    if (!isKept) socket.close();
  }

  // ------------------------------------------------------------ what comes
  hear(text) {
    const at = Date.now();
    this.heardAt = at;
    const message = JSON.parse(text);
    if (message.type === "pong" && this.ping) {
      clearTimeout(this.ping.timer);
      message.took = at - this.ping.sent;
      this.roundTrip = message.took;
      this.ping = null;
      // The old socket lives: an attempt beside it was not needed.
      this.forgetAttempts(null);
    }
    this.hears(message);
  }

  // Everybody's socket closes when a server restarts: they come back one after the other, within `pause` ms.
  lose(socket, pause = 0) {
    if (socket !== this.socket) return;
    this.socket = null;
    this.lostAt = Date.now();
    socket.close();
    this.changes();
    if (!this.attempts.size) this.timer = setTimeout(() => this.attempt(), pause);
  }

  drop() {
    this.forgetAttempts(null);
    const socket = this.socket;
    this.socket = null;
    if (socket) socket.close();
  }

  end() {
    this.isOver = true;
    this.drop();
    this.changes();
  }
}
