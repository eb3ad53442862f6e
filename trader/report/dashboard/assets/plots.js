// The frame of a chart, and the library that draws it: loaded after the page can be read, and only when there is one.

const INK = "#1f2933", SOFT = "#52606d", LINE = "#d9dee4", GREY = "#6b7280";
const BLUE = "#0072B2", VERMILION = "#D55E00", GREEN = "#009E73", PURPLE = "#CC79A7", SKY = "#56B4E9",
ORANGE = "#E69F00";
const DASHES = { solid: "solid", dash: "dash", dot: "dot", both: "dashdot" };

let library = null;

function plotting() {
  library = library || new Promise((resolve, reject) => {
    const name = BUILD.plotly;
    document.head.append(el("script", { src: name, load: () => resolve(window.Plotly), error: () => {
      library = null;
      reject(new DataError(`${name} is missing, so charts cannot be drawn.`, AGAIN));
    } }));
  });
  return library;
}

// Plotly reads a few tags in texts; what people wrote is shown as it is.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

// A figure. `draw` returns { data, layout }, or a text that says why there is nothing to draw.
function chart({ title, sub, height = 300, draw, wide = false, note = null }) {
  const place = el("div", { class: "plot", style: `height:${height}px`, role: "img",
    "aria-label": `${title}. ${sub || ""}` });
  const box = el("figure", { class: wide ? "wide" : null },
    el("figcaption", {}, el("h3", {}, title), sub && el("p", { class: "sub" }, sub)), place,
    note && el("p", { class: "under" }, note));
  queue.push({ place, draw });
  soon();
  return box;
}

const queue = [];
let isDrawing = false;

// One chart at a time, each in a turn of its own, so that the page can be read and scrolled meanwhile.
function soon() {
  if (isDrawing) return;
  isDrawing = true;
  const after = window.requestIdleCallback || ((work) => setTimeout(work, 30));
  requestAnimationFrame(() => after(drawNext, { timeout: 200 }));
}

async function drawNext() {
  isDrawing = false;
  const next = queue.shift();
  if (!next) return;
  if (next.place.isConnected) await drawOne(next);
  soon();
}

async function drawOne({ place, draw }) {
  try {
    const figure = draw();
    if (typeof figure === "string") {
      place.style.height = "auto";
      replace(place, empty(figure));
    } else {
      const plotly = await plotting();
      if (place.isConnected) await plotly.newPlot(place, figure.data, layout(figure.layout), config());
    }
  } catch (error) {
    place.style.height = "auto";
    replace(place, notice("bad", "This chart cannot be drawn.", error.message, null));
  }
  place.dataset.drawn = "yes";
}

// Dragging zooms with a mouse; with a finger it scrolls the page.
const isTouch = () => window.matchMedia("(pointer: coarse)").matches || window.innerWidth < 600;

function config() {
  return {
    displaylogo: false, responsive: true, displayModeBar: isTouch() ? false : "hover", showTips: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
    showSendToCloud: false, plotlyServerURL: "",
  };
}

function axis(title, more) {
  return { title: { text: title, font: { size: 12 }, standoff: 8 }, gridcolor: LINE, zerolinecolor: "#9aa5b1",
    linecolor: LINE,
    ticks: "", automargin: true, fixedrange: isTouch(), ...more };
}

const timeAxis = (more) => axis("",
  { type: "date", hoverformat: "%Y-%m-%d %H:%M UTC", nticks: isTouch() ? 4 : 8, ...more });
const percentAxis = (title, more) => axis(title, { tickformat: ".3~p", ...more });

function layout(own) {
  return {
    font: { family: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif', size: 12,
      color: INK },
    paper_bgcolor: "#fff", plot_bgcolor: "#fff", margin: { l: 8, r: 12, t: 8, b: 8 },
    hovermode: "x unified", hoverlabel: { namelength: -1, bgcolor: "#fff", bordercolor: LINE, font: { size: 12 } },
    dragmode: isTouch() ? false : "zoom", showlegend: true,
    legend: { orientation: "h", x: 0, xanchor: "left", yref: "container", y: 0, yanchor: "bottom", itemwidth: 30 },
    ...own,
  };
}

function line(name, x, y, color, { dash = DASHES.solid, width = 1.8, format = ".2%", ...more } = {}) {
  return { type: "scatter", mode: "lines", name, x, y, line: { color, dash, width }, connectgaps: false,
    hovertemplate: `%{y:${format}}`, ...more };
}

// What was drawn as wide as the window would be cut off by the paper.
const PAPER_WIDTH = 680;

function redraw(change) {
  if (!window.Plotly) return;
  for (const place of document.querySelectorAll(".plot.js-plotly-plot")) window.Plotly.relayout(place, change);
}

window.addEventListener("beforeprint", () => redraw({ autosize: false, width: PAPER_WIDTH }));
window.addEventListener("afterprint", () => redraw({ autosize: true, width: null }));
