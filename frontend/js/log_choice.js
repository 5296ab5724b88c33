// What a reader of a log chose: lines, which stand in the address, and likings, which this browser keeps.
/** The lines that a fragment names: `#L12` or `#L12-L20`; null for anything else. */
export function chosenIn(hash) {
  const found = /^#L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(hash);
  if (!found || found[1] === "0") return null;
  const ends = [Number(found[1]), Number(found[2] || found[1])].sort((one, other) => one - other);
  return { first: ends[0], last: ends[1] };
}

/** Whether the reader likes it so. */
export function liking(name, otherwise) {
  try {
    const kept = localStorage.getItem(`prism4k.log.${name}`);
    return kept === null ? otherwise : kept === "yes";
  } catch {
    return otherwise;
  }
}

/** From now on the reader likes it so. */
export function keepLiking(name, value) {
  try {
    localStorage.setItem(`prism4k.log.${name}`, value ? "yes" : "no");
  } catch {
    // Nothing is kept; it holds for this page.
  }
}

/** This page with the chosen lines. What the link names is in it: a later attempt must not take it over. */
export function addressOf(chosen, link) {
  const url = new URL(location.href);
  new URLSearchParams(link).forEach((value, name) => url.searchParams.set(name, value));
  const { first, last } = chosen;
  url.hash = first === last ? `L${first}` : `L${first}-L${last}`;
  return url.href;
}
