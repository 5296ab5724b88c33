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
import "./title_count.js";
import "./notices.js";
import "./copy.js";

window.htmx = htmx;

// The viewer of logs, where there is one: at first, or when a new attempt's log comes into the page. Without a network it
// does not come, and is asked for again when the page is back; until then the log's end is text.
async function loadLogViewer() {
  if (!document.querySelector("[data-log-viewer]")) return;
  try {
    await import("./log_viewer.js");
  } catch (error) {
    if (!/import/i.test(error.message)) throw error; // what the viewer itself does wrong
  }
}
loadLogViewer();
document.addEventListener("htmx:afterSettle", loadLogViewer);
document.addEventListener("prism:back", loadLogViewer);

// Parts of single screens.
if (document.querySelector("table[data-check]")) import("./grid.js");
if (document.querySelector("[data-editor]")) import("./editor.js");
if (document.querySelector("form[data-new-order]")) import("./new_order.js");
if (document.querySelector("[data-people]")) import("./mentions.js");
if (document.querySelector("form[data-ticks]")) import("./ticks.js");
