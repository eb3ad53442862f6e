// The table of runs, a month at a time, with filters; what is chosen is kept in the address.

const PROBLEMS = "problems", ORDERS = "orders";
const shown = (row) => ({ ...row, troubles: troubles(row) });

const FILTERS = {
  outcome: (row, value) => row.outcome === value,
  reason: (row, value) => row.reason === value,
  exposure: (row, value) => value === (row.exposure > 0 ? "long" : row.exposure < 0 ? "short" : "flat"),
  only: (row, value) => value === ORDERS ? Boolean(row.orders && row.orders.length) : row.troubles.length > 0,
  text: (row, value) => haystack(row).includes(value.toLowerCase()),
};

function haystack(row) {
  const orders = (row.orders || []).map((order) => `${order.id} ${order.side} ${order.status}`);
  return [row.open_time, row.reason, reasonWords(row.reason), row.model_id, row.origin, row.not_sent, ...orders,
    ...row.troubles]
    .filter(Boolean).join(" ").toLowerCase();
}

async function runs(view, name, route) {
  const { summary } = view, months = Object.keys(summary.months).sort();
  if (!months.length) return [heading("Runs"), empty("There are no runs yet.")];
  const wanted = months.includes(route.query.month) ? route.query.month : months[months.length - 1];
  const rows = (await loadMonth(name, wanted, summary.months[wanted])).map(shown).reverse();
  const place = el("div", { id: "rows" }), choice = { ...route.query, month: wanted };
  const status = el("p", { class: "note", role: "status" });
  const draw = () => {
    const kept = rows.filter((row) => Object.keys(FILTERS).every((key) => !choice[key]
      || FILTERS[key](row, choice[key])));
    replace(status, `${count(kept.length)} of ${plural(rows.length, "run")} of ${wanted}, newest first, UTC`);
    replace(place, runsTable(summary, kept));
  };
  const set = (key, value) => {
    choice[key] = value;
    remember(summary.symbol, choice);
    if (key === "month") navigate(); else draw();
  };
  draw();
  return [heading("Runs", `Of all runs: ${costsWords(summary)}; ${tripsWords(summary)}.`), filterForm({ rows, months, choice, set }), status, place];
}

function remember(symbol, choice) {
  const query = new URLSearchParams(Object.entries(choice).filter(([, value]) => value)).toString();
  history.replaceState(null, "", `#/${symbol}/runs?${query}`);
}

function filterForm({ rows, months, choice, set }) {
  const present = (key) => [...new Set(rows.map((row) => row[key]))].filter(Boolean).sort();
  const select = (key, label, options, any) => el("label", {}, label, el("select", {
    name: key, change: (event) => set(key, event.target.value) },
    any && el("option", { value: "" }, any),
    options.map(([value, words]) => el("option", { value, selected: (choice[key] || "") === value }, words))));
  const place = months.indexOf(choice.month);
  const step = (text, label, by) => el("button", { type: "button", "aria-label": label, disabled: !months[place + by],
    click: () => set("month", months[place + by]) }, text);
  return el("form", { class: "filters", role: "search", submit: (event) => event.preventDefault() },
    el("div", { class: "month" }, step("←", "Month before", -1),
      select("month", "Month", [...months].reverse().map((month) => [month, month])), step("→", "Month after", 1)),
    select("outcome", "Outcome", present("outcome").map((code) => [code, outcomeWords(code)]), "any"),
    select("reason", "Reason", present("reason").map((code) => [code, reasonWords(code)]), "any"),
    select("exposure", "Exposure", [["long", "long"], ["flat", "flat"], ["short", "short"]], "any"),
    select("only", "Show only", [[ORDERS, "runs with orders"], [PROBLEMS, "runs with problems"]], "all runs"),
    el("label", {}, "Text", el("input", { type: "search", name: "text", value: choice.text || "", autocomplete: "off",
      input: (event) => set("text", event.target.value) })));
}

function runsTable(summary, rows) {
  const places = decimals(rows.map((row) => row.close));
  const number = (key, words) => ({ name: words[0], sort: (row) => row[key],
    of: (row) => exact(row[key], words[1](row[key]), words[2] && words[2](row[key])) });
  return table({ label: "Runs", rows, none: "No run matches the filters.",
    look: (row) => row.troubles.length ? "marked" : null, columns: [
    { name: "Kline (open, UTC)", text: true, sort: (row) => row.open_time,
      of: (row) => runLink(summary.symbol, row.open_time) },
    number("p_up", ["p(up)", (value) => digits(value, 3)]),
    number("close", ["Close", (value) => digits(value, places)]),
    { name: "Exposure", text: true, sort: (row) => row.exposure,
      of: (row) => exact(row.exposure, exposureWords(row.exposure)) },
    { name: "Decision", text: true, sort: (row) => row.reason,
      of: (row) => row.outcome === "decided" ? reasonWords(row.reason)
      : [badge(outcomeWords(row.outcome), "warn"), " ", reasonWords(row.reason)] },
    number("settled_net", ["Net, settled", (value) => percent(value, 3), signLook]),
    number("paper_net", ["Paper net", percent]),
    { name: "Order", text: true, sort: (row) => row.ordered, of: orderCell },
    number("execution_equity", ["Execution", (value) => digits(value, 2, true)]),
    number("seconds_to_order", ["To order", seconds]),
    { name: "Look at", text: true, sort: (row) => row.troubles.length || null,
      of: (row) => el("span", { class: "trouble" }, row.troubles.join("; ")) },
  ] });
}

function orderCell(row) {
  if (!row.side) return "";
  const price = isNumber(row.fill_price) ? [" at ", exact(row.fill_price, figure(row.fill_price))] : "";
  return [row.side.toLowerCase(), " ", exact(row.executed, figure(row.executed)),
    row.executed !== row.ordered ? [" of ", exact(row.ordered, figure(row.ordered))] : "", price];
}
