// The first view: is it alive, what does it hold, what has it earned, what needs a person.

// What can be said of the time: the next run is due when the next kline closes. Judged by this browser's clock.
function punctuality(view) {
  const { summary, policy } = view, step = BUILD.intervals[summary.interval], now = Date.now();
  const due = moment(summary.now.open_time) + 2 * step;
  if (summary.mode === "demo" || summary.mode === "replay") {
    return { look: "info", word: "DEMO", due, why: "time moves only when somebody runs it, so it cannot be late" };
  }
  const allowed = ((policy && policy.max_lateness_minutes) || 0) * MINUTE;
  if (now > due + allowed) return { look: "bad", word: `LATE by ${span(now - due)}`, due,
    why: "judged by this device's clock" };
  if (now < due - step - 5 * MINUTE) return { look: "warn", word: "CLOCK", due,
    why: "this device's clock is behind the newest run" };
  return { look: "good", word: "ON TIME", due, why: "judged by this device's clock" };
}

function healthLine(view) {
  const { summary } = view, late = punctuality(view);
  const halted = summary.now.halt || summary.now.control === "halt";
  return el("p", { class: "health" }, badge(late.word, late.look),
    halted ? badge("HALTED", "bad") : null, summary.now.control === "reduce" ? badge("REDUCE", "warn") : null,
    summary.now.due_to ? badge("TRAINING DUE", "warn") : null,
    view.drift && view.drift.alarms && view.drift.alarms.length ? badge("DRIFT", "warn") : null,
    el("span", { class: "soft" }, `${late.why}; next run at ${time(late.due)} UTC`));
}

// What waits for a person, each with what to do.
function attention(view, name) {
  const { summary, model } = view, { now } = summary, symbol = summary.symbol, found = [];
  const late = punctuality(view);
  if (late.look === "bad") found.push(notice("bad", `No run since the kline of ${time(now.open_time)} UTC.`,
    "Look at the scheduler and its last output; this says what is wrong:", "trader doctor"));
  if (now.halt) found.push(notice("bad", `Trading is halted: ${now.halt}`, "When you have looked into it:",
    "trader resume --why \"...\""));
  else if (now.control === "halt") found.push(notice("warn", "The operator said halt.", "To trade again:",
    "trader resume --why \"...\""));
  if (now.unexplained) found.push(notice("bad",
    `The account holds what our own fills do not explain: ${now.unexplained}`,
    "Nothing is sent until it is undone, or taken as it is:", "trader resume --why \"...\""));
  if (now.due_to) found.push(notice("info", `A training is due: ${DUE[now.due_to] || now.due_to}.`,
    "The bot trains by itself unless it was told not to; by hand:", `trader train --if-due --symbol ${symbol}`));
  for (const id of (model && model.challengers) || []) found.push(el("div", { class: "notice warn" },
    el("p", { class: "what" }, "A model awaits approval: ", modelLink(symbol, id)),
    el("p", {}, "Its page is the report to read first.")));
  for (const problem of [...(view.problems || [])].reverse()) found.push(el("div", { class: "notice warn" },
    el("p", { class: "what" }, `${problem.where}: ${problem.what}`), el("p", {}, `${time(problem.at)} UTC`,
      problem.advice && ` · what to do: ${problem.advice}`)));
  const over = [...(view.earlier_problems || [])].reverse();
  return section("What needs a look", null,
    found.length ? found : el("p", { class: "fine" }, "Nothing: no problem is known."),
    over.length ? el("details", {}, el("summary", {}, `Over, as far as is known: ${over.length}`),
      over.map((problem) => el("p", {}, `${time(problem.at)} UTC · ${problem.where}: ${problem.what}`))) : null);
}

const currencyOf = (view) => view.notional_currency || (view.summary.symbol.match(/(USDT|USDC|FDUSD|TUSD|DAI|EUR|TRY|BRL|BTC|ETH|BNB)$/) || ["quote units"])[0];
const modelLink = (symbol, id) => id ? link(`#/${symbol}/model/${encodeURIComponent(id)}`, id) : "none yet";
const runLink = (symbol, open) => link(`#/${symbol}/run/${new Date(moment(open)).toISOString().slice(0, 16)}Z`,
  time(open));

function stateTiles(view) {
  const { summary, model } = view, { now, totals, curves } = summary, last = curves.time.length - 1;
  const trips = EVIDENCE(totals.round_trips), currency = currencyOf(view);
  const age = model && model.last ? moment(now.open_time) - moment(model.last) : NaN;
  const fall = last >= 0 ? curves.drawdown[last] : null;
  return tiles(
    tile("Last run", runLink(summary.symbol, now.open_time), `${outcomeWords(now.outcome)}; ${reasonWords(now.reason)}`,
      "small"),
    tile("Next run", time(punctuality(view).due), "at the next close, UTC", "small"),
    tile("Exposure", exact(now.exposure, exposureWords(now.exposure)),
      now.close === null ? null : ["close ", exact(now.close, figure(now.close))]),
    tile("p(up)", exact(now.p_up, digits(now.p_up, 3)), "at the newest close"),
    tile("Paper, net", exact(totals.net, percent(totals.net), signLook(totals.net)),
      [exact(totals.gross, percent(totals.gross)), " before costs; ", plural(totals.round_trips, "round trip"),
        trips && el("strong", {}, ` ${trips}`)]),
    tile("Execution", exact(totals.execution, percent(totals.execution / summary.notional), signLook(totals.execution)),
      [exact(totals.execution, digits(totals.execution, 2, true)), ` ${currency} on ${figure(summary.notional)}`]),
    tile("Drawdown", exact(fall, percent(isNumber(fall) ? -fall : null)),
      ["largest ", exact(totals.max_drawdown, percent(-totals.max_drawdown))]),
    triggerTile(view),
    tile("Model", modelLink(summary.symbol, now.model_id), Number.isFinite(age) ?
      `has seen klines until ${span(age)} before${model.pinned ? "; pinned" : ""}` : null, "long"),
    driftTile(view),
    tile("Mode", summary.mode, `the operator says ${now.control}`),
    tile("Position", exact(now.position, figure(now.position)), positionWords(now), now.off_target ? "warned" : null),
  );
}

function positionWords(now) {
  const target = ["wanted ", exact(now.target, figure(now.target))];
  if (!now.off_target) return [target,
    now.position === now.target ? "" : "; less than 1\u00a0% of the notional is left over"];
  return [target, `; away from it${now.not_sent ? `: ${notSentWords(now.not_sent)}` : ""}`];
}

function driftTile(view) {
  const { drift: report, summary } = view, alarms = (report && report.alarms) || [];
  const words = !report ? "not looked at yet" : report.too_early ? "too early to tell" : alarms.length
  ? plural(alarms.length, "alarm") : "none";
  return tile("Drift", link(`#/${summary.symbol}/drift`, words),
    report ? `looked at on ${day(report.checked_at)}` : null, `small${alarms.length ? " warned" : ""}`);
}

function triggerTile(view) {
  const { now } = view.summary, threshold = view.policy && view.policy.threshold;
  const value = exact(now.trigger_sum, percent(now.trigger_sum), signLook(now.trigger_sum));
  if (!isNumber(threshold)) return tile("Retraining trigger", value);
  const under = [`trains below ${percent(threshold)} over ${plural(view.policy.window, "run")}`,
    isNumber(now.trigger_sum)
    && bar(threshold < 0 ? now.trigger_sum / threshold : 0, now.trigger_sum < threshold ? "over" : "")];
  return tile("Retraining trigger", value, under, now.due_to ? "warned" : null);
}

function headline(view) {
  const { summary } = view, { totals } = summary;
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Returns" },
    el("table", { class: "compact" },
    el("thead", {}, el("tr", {},
      ["Since " + day(summary.first), "net", "gross", "hold", "a year", "Sharpe", "hit rate", "turnover",
      "fees"].map((name, place) =>
      el("th", { scope: "col", class: place ? null : "text" }, name)))),
    el("tbody", {}, el("tr", {}, el("th", { scope: "row" }, `${plural(totals.klines, "kline")}`),
      [exact(totals.net, percent(totals.net)), exact(totals.gross, percent(totals.gross)), lastHold(summary),
        yearly(summary),
        sharpe(summary), totals.exposed
        ? exact(totals.hits / totals.exposed, percent(totals.hits / totals.exposed, 1, false)) : NONE,
        exact(totals.turnover, digits(totals.turnover, 1)),
        exact(totals.fees, digits(totals.fees, 2))].map((each) => el("td", {}, each))))));
}

function lastHold({ curves }) {
  const value = curves.hold[curves.hold.length - 1];
  return exact(value, percent(value));
}

// What a quarter has earned is extrapolated to a year, what less has earned is not.
const klinesPerYear = (summary) => 8760 * 3600000 / BUILD.intervals[summary.interval];

function yearly(summary) {
  const { totals } = summary, value = totals.klines ? totals.net / totals.klines * klinesPerYear(summary) : null;
  return totals.klines >= klinesPerYear(summary) / 4 ? exact(value, percent(value)) : NONE;
}

function sharpe(summary) {
  const { settled: n, net, net_squares: squares } = summary.totals;
  const variance = n > 1 ? (squares - net * net / n) / (n - 1) : 0;
  const value = variance > 0 ? net / n / Math.sqrt(variance) * Math.sqrt(klinesPerYear(summary)) : null;
  return exact(value, digits(value, 2));
}

function overview(view, name) {
  const { summary } = view, currency = currencyOf(view);
  return [
    heading(`${summary.symbol} ${summary.interval}`), healthLine(view),
    stateTiles(view),
    attention(view, name),
    section("Performance", `${costsWords(summary)}; ${tripsWords(summary)}. `
      + `Sums of returns on a fixed notional of ${figure(summary.notional)} ${currency}.`,
      headline(view),
      el("div", { class: "charts" }, equityChart(summary), drawdownChart(summary), exposureChart(summary),
        hitRateChart(summary),
        returnsChart(summary), calibrationChart(summary), executionChart(summary, currency), latencyChart(summary))),
  ];
}
