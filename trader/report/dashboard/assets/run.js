// One run: what it knew, what it decided and why, what it sent and got, and both books after it.

async function run(view, name, route) {
  const { summary } = view, open = decodeURIComponent(route.argument || ""), month = open.slice(0, 7);
  const months = Object.keys(summary.months).sort();
  if (!months.includes(month)) throw new DataError(`There is no run of the kline ${open}.`,
    "Choose one in the table of runs.");
  const rows = await loadMonth(name, month, summary.months[month]);
  const place = rows.findIndex((row) => row.open_time === open);
  if (place < 0) throw new DataError(`There is no run of the kline ${open}.`, "Choose one in the table of runs.");
  const neighbour = async (by) => {
    if (rows[place + by]) return rows[place + by];
    const other = months[months.indexOf(month) + by];
    const found = other && await loadMonth(name, other, summary.months[other]).catch(() => null);
    return found && found[by < 0 ? found.length - 1 : 0];
  };
  const row = rows[place], [before, after] = [await neighbour(-1), await neighbour(1)];
  return [
    heading(`Run of ${time(row.open_time)} UTC`, el("nav", { class: "neighbours", "aria-label": "Neighbouring runs" },
      before ? link(`#/${summary.symbol}/run/${before.open_time}`, "← before") : el("span", {}, "← the first"),
      link(`#/${summary.symbol}/runs?month=${month}`, "all of the month"),
      after ? link(`#/${summary.symbol}/run/${after.open_time}`, "after →") : el("span", {}, "the newest →"))),
    troubles(row).map((words) => notice("warn", words)),
    decisionPart(summary, row), featuresPart(row), ordersPart(view, row), booksPart(view, row, before), timesPart(row),
  ];
}

function decisionPart(summary, row) {
  return section("Decision", null, tiles(
    tile("Exposure", exact(row.exposure, exposureWords(row.exposure)),
      isNumber(row.change) && row.change && !row.missed ? `changed by ${digits(row.change, 2)}` : "unchanged"),
    tile("Because", el("span", { class: "words" }, reasonWords(row.reason)),
      `${outcomeWords(row.outcome)}; ${row.reason}`, "long"),
    tile("p(up)", exact(row.p_up, digits(row.p_up, 4)), "of the model, for the label's horizon"),
    tile("Close", exact(row.close, figure(row.close)), "of the kline, quote units"),
  ), facts([
    ["Model", modelLink(summary.symbol, row.model_id)],
    ["Lived through", row.origin === "replay" ? "replay of the past" : row.origin],
    ["Operator", row.control], ["Epoch of the account", row.epoch],
    ["Retraining trigger", exact(row.trigger_sum, percent(row.trigger_sum))],
    ["Training due", row.training_due ? DUE[row.due_to] || row.due_to || "yes" : "no"],
    row.training_outcome && ["Newest training",
      [row.training_outcome, row.trained_model && [", ", modelLink(summary.symbol, row.trained_model)]]],
  ]));
}

function featuresPart(row) {
  const features = Object.entries(row.features || {});
  const filters = [["volatility", row.volatility],
    ["volume ratio", row.volume_ratio]].filter(([, value]) => isNumber(value));
  return section("What the model was given",
    "Indicators of the newest klines, rounded to 6 decimals; volatility and volume ratio are the entry filters.",
    features.length || filters.length
    ? facts([...features, ...filters].map(([name, value]) => [name, exact(value, figure(value))]))
      : empty("Nothing: the model was not asked."));
}

function ordersPart(view, row) {
  const orders = row.orders || [];
  const why = row.not_sent ? `Not sent: ${notSentWords(row.not_sent)}.` : "None.";
  return section("Orders", row.basis || row.shortfall ?
    `Beyond the close: basis ${digits(row.basis, 4, true)}, shortfall ${digits(row.shortfall, 4, true)} ${currencyOf(view)}.` : null,
    orders.length ? orders.map(orderPart) : el("p", {}, why), orders.length && row.not_sent ? el("p", {}, why) : null);
}

function orderPart(order) {
  return el("article", { class: "order" },
    el("h3", {}, `${order.side} ${order.quantity}`, " ",
      badge(order.status || "open", order.status === "FILLED" ? "good" : "warn")),
    order.refused && notice("bad", `Refused: ${order.refused}`),
    facts([["Executed", order.executed], ["Price on arrival", order.arrival_price],
      ["Signed at", order.signed_at && time(order.signed_at, true)],
      ["Reported at", order.at && time(order.at, true)], ["Client order id", order.id]]),
    order.fills && order.fills.length ? table({ label: "Fills", rows: order.fills, columns: [
      { name: "Price", of: (fill) => fill[0] }, { name: "Quantity", of: (fill) => fill[1] },
      { name: "Commission", of: (fill) => fill[2] }, { name: "in", text: true, of: (fill) => fill[3] }] }) : null);
}

function booksPart(view, row, before) {
  const earned = (key) => before && isNumber(row[key]) && isNumber(before[key]) ? row[key] - before[key] : null;
  const worth = `Of all runs: ${costsWords(view.summary)}; ${tripsWords(view.summary)}.`;
  return section("Books after it", worth, facts([
    ["Settled in this run", [exact(row.settled_net, percent(row.settled_net, 3), signLook(row.settled_net)), " net, ",
      exact(row.settled_gross, percent(row.settled_gross, 3)),
      ` gross over ${plural(row.settled_klines || 0, "kline")}`]],
    ["Paper, net", exact(row.paper_net, percent(row.paper_net))],
    ["Paper, gross", exact(row.paper_gross, percent(row.paper_gross))],
    ["Execution", [exact(row.execution_equity, digits(row.execution_equity, 4, true)), ` ${currencyOf(view)}`]],
    ["Execution, this run", exact(earned("execution_equity"), digits(earned("execution_equity"), 4, true))],
    ["Position", exact(row.position, figure(row.position))], ["Wanted", exact(row.target, figure(row.target))],
    ["Fees so far", exact(row.fees, digits(row.fees, 4))],
  ]));
}

function timesPart(row) {
  const stages = Object.entries(row.timings || {}).filter(([stage]) => stage !== "started").sort((a, b) => a[1] - b[1]);
  const last = stages.length ? stages[stages.length - 1][1] : 0;
  return section("Timings", "Seconds from the start of the run to the end of each stage.",
    stages.length ? table({ label: "Timings", rows: stages, columns: [
    { name: "Stage", text: true, of: ([stage]) => stage },
    { name: "Done after", of: ([, at]) => exact(at, seconds(at)) },
    { name: "", text: true, of: ([, at]) => bar(last ? at / last : 0) }] }) : empty("Not known."));
}
