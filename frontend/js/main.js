// What every page loads. Heavy parts (log viewer, palette) come by import() where a page has them.
import htmx from "htmx.org";
import "./theme.js";
import "./zone.js";
import "./menus.js";
import "./forms.js";
import "./confirm.js";
import "./keys.js";
import "./api_calls.js";
import "./first_error.js";
import "./filters.js";
import "./ages.js";
import "./exact_times.js";
import "./open_pod.js";
import "./panels.js";
import "./live.js";
import "./copy.js";

window.htmx = htmx;

// The viewer of logs, where there is one: at first, or when a new attempt's log comes into the page.
function loadLogViewer() {
  if (document.querySelector("[data-log-viewer]")) import("./log_viewer.js");
}
loadLogViewer();
document.addEventListener("htmx:afterSettle", loadLogViewer);

// Parts of single screens.
if (document.querySelector("table[data-check]")) import("./grid.js");
if (document.querySelector("[data-editor]")) import("./editor.js");
if (document.querySelector("form[data-new-order]")) import("./new_order.js");
