// The server checks the grid while somebody types; its answer names the inputs that do not fit, and they are marked.
function mark() {
  document.querySelectorAll("table[data-check]").forEach((table) => {
    const answer = document.getElementById(table.dataset.check);
    const wrong = new Set((answer && answer.dataset.wrong ? answer.dataset.wrong : "").split(" ").filter(Boolean));
    table.querySelectorAll("tbody input:not([type=hidden])").forEach((input) => {
      if (wrong.has(input.id)) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      const said = document.getElementById(`${input.id}_error`);
      if (said) input.setAttribute("aria-describedby", said.id);
      else input.removeAttribute("aria-describedby");
    });
  });
}

mark();
document.addEventListener("htmx:afterSettle", mark);
