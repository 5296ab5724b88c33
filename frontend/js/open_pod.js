// The tile of the pod that stands open is marked as soon as it opens: the tiles themselves come anew only with news.
function mark() {
  const open = document.getElementById("open-pod");
  if (!open) return;
  document.querySelectorAll("a.pod").forEach((tile) => {
    const name = new URL(tile.href).searchParams.get("pod");
    if (open.value && name === open.value) tile.setAttribute("aria-current", "true");
    else tile.removeAttribute("aria-current");
  });
}

document.addEventListener("htmx:afterSettle", mark);
