// What every page loads. Heavy parts (log viewer, palette) come by import() where a page has them.
import htmx from "htmx.org";
import "./theme.js";
import "./confirm.js";
import "../../static/js/stream.js";

window.htmx = htmx;
