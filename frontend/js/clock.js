// The server's clock, as well as this browser knows it: ages are counted by it, however wrong the computer's own is.
let ahead = 0;
let best = Infinity;

/** The server's milliseconds since 1970. */
export function now() {
  return Date.now() + ahead;
}

/** The server said it was `server` (ms) in an answer that took `took` ms; quicker answers tell it better. */
export function set(server, took) {
  if (took > best * 2 && took > 200) return;
  best = Math.min(best, took);
  ahead = server - (Date.now() - took / 2);
}
