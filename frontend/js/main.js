// What every page loads. Heavy parts (log viewer, palette) come by import() where a page has them.
import htmx from "htmx.org";
import "./theme.js";
import "./confirm.js";
import "../../static/js/stream.js";

window.htmx = htmx;

// The viewer of logs, where there is one: at first, or when a new attempt's log comes into the page.
function loadLogViewer() {
  if (document.querySelector("[data-log-viewer]")) import("./log_viewer.js");
}
loadLogViewer();
document.addEventListener("htmx:afterSettle", loadLogViewer);
