// After a refused form the first field that needs another value has the focus; without a script its summary says where.
const FIELD = ".content [aria-invalid=true]:not(fieldset), .content fieldset[aria-invalid=true] input";

function focusFirst(root) {
  const summary = root.querySelector("[data-errors]");
  const first = summary && root.querySelector(FIELD);
  if (first && !first.closest("details:not([open])")) first.focus();
}

focusFirst(document);
