// The router: what the address asks for is loaded and shown; whatever goes wrong is said in the page.

const VIEWS = { "": ["Overview", overview], runs: ["Runs", runs], models: ["Models", models], drift: ["Drift", drift],
  data: ["Data", quality] };
const INNER = { run: ["Run", run, "runs"], model: ["Model", model, "models"] };
const REFRESH = 5 * MINUTE;
let index = null, current = 0;

function parseRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [symbol, view, ...rest] = path.split("/");
  return { symbol, view: view || "", argument: rest.join("/"),
    query: Object.fromEntries(new URLSearchParams(query || "")) };
}

function showHeader(route, summary) {
  const tab = INNER[route.view] ? INNER[route.view][2] : route.view;
  const item = (href, words, isHere) => el("a", { href, "aria-current": isHere ? "page" : null }, words);
  replace(document.getElementById("top"),
    el("div", { class: "bar-top" },
      el("p", { class: "brand" }, index.bot, " ", badge(index.mode, "mode")),
      el("nav", { class: "symbols", "aria-label": "Symbols" },
        index.symbols.map((symbol) => item(`#/${symbol}`, symbol, symbol === route.symbol)))),
    el("nav", { class: "views", "aria-label": "Views" }, Object.entries(VIEWS).map(([key, [words]]) =>
      item(`#/${route.symbol}${key && `/${key}`}`, words, key === tab))));
  replace(document.getElementById("foot"),
    el("p", {}, `Data as of the run of ${summary ? time(summary.now.open_time) : NONE} UTC. All times are UTC. `,
    "Paper trading on test venues; returns are no promise."), el("p", { class: "soft" }, `version ${index.version}`));
}

function explain(error) {
  if (error instanceof DataError) return notice("bad", error.message, error.advice);
  console.error(error);
  return notice("bad", "This page could not be drawn from its data.", `${error.name}: ${error.message}. ${AGAIN}`);
}

async function navigate({ refreshed = false } = {}) {
  const mine = ++current, main = document.getElementById("main"), route = parseRoute();
  try {
    index = index || await loadIndex();
    if (!Array.isArray(index.symbols) || !index.symbols.length) throw new DataError("data/index.js names no symbol.",
      AGAIN);
    if (!route.symbol) route.symbol = index.symbols[0];
    if (!index.symbols.includes(route.symbol)) throw new DataError(`There is no ${route.symbol} here.`,
      `There is: ${index.symbols.join(", ")}.`);
    showHeader(route, null);
    const [title, draw] = VIEWS[route.view] || INNER[route.view] || [];
    if (!draw) throw new DataError(`There is no page ${location.hash}.`, "Choose one above.");
    const name = `${route.symbol}-${index.interval}`, view = await loadSummary(name);
    const parts = await draw(view, name, route);
    if (mine !== current) return;
    showHeader(route, view.summary);
    document.title = `${route.argument ? `${decodeURIComponent(route.argument)} · ` : ""}${title} · ${route.symbol} · ${index.bot}`;
    replace(main, parts);
  } catch (error) {
    if (mine !== current) return;
    replace(main, heading("Something is missing"), explain(error));
  }
  main.dataset.route = location.hash;
  if (!refreshed) window.scrollTo(0, 0);
}

// Looks for a newer run now and then; only the first view, which nobody is typing in, is drawn anew by itself.
async function refresh() {
  const route = parseRoute();
  if (document.hidden || !index || route.view !== "") return;
  try {
    const name = `${route.symbol || index.symbols[0]}-${index.interval}`,
    before = JSON.stringify(known(`${name}/summary`));
    const view = await loadSummary(name, { again: true });
    if (JSON.stringify(view) !== before) await navigate({ refreshed: true });
    else document.querySelector(".health")?.replaceWith(healthLine(view));
  } catch (error) {
    console.warn(error.message);
  }
}

window.addEventListener("hashchange",
  () => navigate().then(() => document.getElementById("main").focus({ preventScroll: true })));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();  // the address is the view's
  document.getElementById("main").focus();
});
setInterval(refresh, REFRESH);
navigate();
