// What a script says to its reader: words in the page's language, a polite announcement, a note in the corner.
const TOAST_MS = 6000;
const READ_MS = 1800;

/** The words of a `<template>` with `<dl>`: {key: message}. */
export function wordsOf(template) {
  const found = {};
  template?.content.querySelectorAll("dt").forEach((term) => {
    found[term.textContent.trim()] = term.nextElementSibling.textContent.trim();
  });
  return found;
}

let words = null;

/** One message of templates/ui/page_words.html; `{name}` in it is filled from `values`. */
export function word(key, values = {}) {
  words = words || wordsOf(document.getElementById("page-words"));
  return fill(words[key] || key, values);
}

export function fill(message, values) {
  return message.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

const MOMENT_MS = 150;
const waiting = [];
let timer = 0;

/** Reads a message out when the screen reader has a moment; what is said in one moment is one message. */
export function announce(message) {
  const region = document.getElementById("announcer");
  if (!region || !message || waiting.includes(message)) return;
  waiting.push(message);
  if (timer) return;
  // Emptied first: a region that gets the words it has is silent.
  region.textContent = "";
  timer = setTimeout(() => {
    timer = 0;
    region.textContent = waiting.splice(0).join(" · ");
  }, MOMENT_MS);
}

/** A note in the corner that goes by itself; `tone` is a class of `.note`. It is read out as well. */
export function toast(message, tone = "") {
  const corner = document.getElementById("toasts");
  if (!corner) return;
  const note = document.createElement("p");
  note.className = `note ${tone}`.trim();
  note.textContent = message;
  corner.replaceChildren(note);
  leaves(note);
  announce(message);
}

function leaves(note) {
  note.dataset.since = performance.now();
  setTimeout(() => note.remove(), TOAST_MS);
}

/** The state that a note told of is over: it goes, once it could be read. */
export function dismiss() {
  document.querySelectorAll("#toasts .note").forEach((note) => {
    setTimeout(() => note.remove(), Math.max(0, READ_MS - (performance.now() - Number(note.dataset.since))));
  });
}

document.querySelectorAll("#toasts .note").forEach(leaves);
