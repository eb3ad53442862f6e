// One model: where it comes from, what it was tried on, and whether it won. A person approves a challenger by this page.

async function model(view, name, route) {
  const id = decodeURIComponent(route.argument || ""), symbol = view.summary.symbol;
  const page = await loadModel(name, id);
  const all = await loadModels(name).catch(() => ({ models: [], events: [] }));
  const mine = all.models.find((each) => each.id === id) || {}, { card, report, trials } = page;
  return [
    heading(`Model ${id}`, mine.state ? [stateBadge(mine.state), " ", STATES[mine.state] || ""] : ""),
    mine.state === "challenger" ? approval(symbol, id, all.pinned) : null,
    report ? reportParts(symbol, report)
    : section("Report", null, empty("There is no report: this model did not come out of a search.")),
    recipePart(card, report), trialsPart(report, trials),
    section("Its life", null, eventsTable(symbol, all.events, id)),
    cardPart(card),
  ];
}

function reportParts(symbol, report) {
  return [
    section("Result", null, notice(report.outcome === "promoted" ? "good" : report.outcome === "failed" ? "bad"
      : "info",
      `${report.outcome.toUpperCase()}: ${report.result}`), facts([
      ["Trained because", report.why], ["When", `${time(report.at)} UTC`],
      ["Champion then", report.champion ? modelLink(symbol, report.champion) : null]])),
    report.verdict ? gatePart(report.verdict, report.result) : null,
    report.hold_out ? evaluationPart("On the hold-out", "Hours that the search has not seen. The gate decides by them, so a winner's are a little flattered.",
      report.hold_out) : null,
    checksPart(report.checks || []),
    report.in_sample ? evaluationPart("On the searched hours",
      "The best of all trials, walked forward: flattering, because it was selected by them.", report.in_sample) : null,
    report.importance ? importancePart(report.importance) : null,
  ];
}

function gatePart(verdict, result) {
  const { champion, challenger, rules } = verdict;
  const row = (words, key, write) => ({ words, a: champion && champion[key], b: challenger && challenger[key], write });
  const rows = [row("Net", "net", (value) => percent(value)), row("Gross", "gross", (value) => percent(value)),
    row("Round trips", "round_trips", count),
    row("In a position", "exposed", (value) => percent(value, 1, false)),
    row("Largest drawdown", "max_drawdown", (value) => percent(-value))];
  return section("Champion against challenger",
    `Both recipes fitted to what was known before ${time(verdict.first)} and traded until ${time(verdict.last)} UTC, from flat, net of costs.`,
    table({ label: "Champion against challenger", rows, columns: [
      { name: "Hold-out", text: true, of: (each) => each.words },
      { name: "Champion", of: (each) => exact(each.a, each.write(each.a)) },
      { name: "Challenger", of: (each) => exact(each.b, each.write(each.b)) }] }),
    facts([
      ["Challenger − champion", exact(verdict.difference, percent(verdict.difference), signLook(verdict.difference))],
      [`Exceeded with ${percent(rules.confidence, 0, false)} confidence`,
        exact(verdict.bound, percent(verdict.bound), signLook(verdict.bound))],
      ["Must exceed", percent(rules.margin)],
      ["Needed",
      `${plural(rules.min_round_trips, "round trip")}, in a position ${percent(rules.min_exposure, 1, false)} of the time`]]),
    challenger && EVIDENCE(challenger.round_trips) ? notice("warn",
      `The challenger made ${EVIDENCE(challenger.round_trips)}.`) : null,
    verdict.why === result ? null
    : notice(verdict.promoted ? "good" : "info", `${verdict.promoted ? "Passed" : "Not passed"}: ${verdict.why}`));
}

function evaluationPart(title, words, found) {
  const { metrics, no_skill: idle, uncertainty, luck, calibration, overfitting } = found, net = uncertainty.net;
  const bins = calibration ? calibration.reliability.map((bin) => ({ n: bin.count, mean: bin.mean_p, rate: bin.rate,
    interval: [bin.rate_low, bin.rate_high] })) : [];
  return section(title,
    `${words} ${day(found.first)} to ${day(found.last)}, ${plural(metrics.klines, "kline")}, costs ${figure(found.costs.fee_rate * 1e4)} bp fee`
      + `${found.costs.slippage_rate ? ` + ${figure(found.costs.slippage_rate * 1e4)} bp slippage` : ""} a side.`,
    found.evidence ? notice("warn", found.evidence) : null,
    tiles(
      tile("Net", exact(metrics.net, percent(metrics.net), signLook(metrics.net)),
        [exact(metrics.gross, percent(metrics.gross)), " gross"]),
      tile(`${percent(net.level, 0, false)} interval of net`, `${percent(net.low)} to ${percent(net.high)}`,
        `${percent(uncertainty.loss_share, 0, false)} of resamples lose`, "long"),
      tile("Round trips", exact(metrics.round_trips, count(metrics.round_trips)),
        `in a position ${percent(metrics.exposed, 0, false)}`),
      tile("Sharpe, a year", exact(metrics.sharpe, digits(metrics.sharpe, 2)),
        `Sortino ${digits(metrics.sortino, 2)}, Calmar ${digits(metrics.calmar, 2)}`),
      tile("Largest drawdown", exact(metrics.drawdown.depth, percent(-metrics.drawdown.depth)),
        metrics.drawdown.trough ? `at ${day(metrics.drawdown.trough)}` : null),
      tile("Hit rate", exact(metrics.hit_rate, percent(metrics.hit_rate, 1, false)),
        `${percent(metrics.winners, 0, false)} of trips win`)),
    facts([
      ["Buy and hold", percent(idle.hold)], ["Always long", percent(idle.always_long)],
      ["Always short", percent(idle.always_short)],
      ["Coins that trade as often and do as well", percent(idle.coins.at_least_as_good, 0, false)],
      ["Coins at the same hours that do as well", percent(idle.sides.at_least_as_good, 0, false)],
      luck.deflated && ["Deflated Sharpe ratio (0.95 would be skill)",
        `${digits(luck.deflated.probability, 2)} for ${figure(luck.deflated.trials.effective)} independent trials`],
      overfitting && ["Probability of overfitting", percent(overfitting.pbo, 0, false)],
      calibration && ["Brier score, AUC", `${digits(calibration.brier, 4)}, ${digits(calibration.auc, 3)}`]]),
    el("div", { class: "charts" },
      bins.length ? reliability({ title: `Calibration, ${title.toLowerCase()}`, bins,
        sub: `${plural(calibration.rows, "prediction")}, 95 % Wilson intervals` }) : null,
      found.by_month.length > 1 ? monthsChart(title, found.by_month) : null));
}

function monthsChart(title, months) {
  const draw = () => ({
    data: [{ type: "bar", x: months.map((month) => month.name), y: months.map((month) => month.net),
      marker: { color: months.map((month) => month.net < 0 ? VERMILION : BLUE) },
      customdata: months.map((month) => month.round_trips),
      hovertemplate: "%{x}: %{y:.2%}, %{customdata} round trips<extra></extra>" }],
    layout: { showlegend: false, hovermode: "closest", xaxis: axis("", { type: "category", nticks: 12 }),
      yaxis: percentAxis("net, % of the notional") },
  });
  return chart({ title: `Net return by month, ${title.toLowerCase()}`,
    sub: `${plural(months.length, "month")}, UTC, the first and the last maybe in part`, draw });
}

function checksPart(checks) {
  return section("Checks of its behaviour", "What a model has to be like before anybody asks what it earns.",
    table({ label: "Checks", rows: checks, none: "None were made.", look: (check) => check.passed ? null : "marked",
      columns: [
      { name: "Check", text: true, of: (check) => check.name },
      { name: "", text: true, of: (check) => badge(check.passed ? "passed" : "FAILED", check.passed ? "good" : "bad") },
      { name: "Found", of: (check) => exact(check.figure, figure(check.figure)) },
      { name: "Bound", of: (check) => exact(check.bound, figure(check.bound)) },
      { name: "In words", text: true, of: (check) => el("span", { class: "wrap" }, check.words) }] }));
}

function importancePart(importance) {
  const rows = [...importance.columns].sort((a, b) => b.gain - a.gain), most = rows.length ? rows[0].gain : 1;
  return section("What it goes by",
    `Gain: the share of the loss reduction in training. The others: what is lost on ${plural(importance.hours, "unseen hour")} in ${plural(importance.folds, "fold")} when the column is scrambled.`,
    table({ label: "Importance", rows, columns: [
      { name: "Column", text: true, sort: (row) => row.name, of: (row) => row.name },
      { name: "Gain", sort: (row) => row.gain, of: (row) => exact(row.gain, percent(row.gain, 1, false)) },
      { name: "", text: true, of: (row) => bar(row.gain / most) },
      { name: "Log loss, nats", sort: (row) => row.log_loss,
        of: (row) => exact(row.log_loss, digits(row.log_loss, 5, true)) },
      { name: "Net return lost", sort: (row) => row.net, of: (row) => exact(row.net, percent(row.net)) }] }));
}

function recipePart(card, report) {
  const recipe = (report && report.recipe) || card, rule = recipe.decision;
  return section("Recipe", "How it is made; what a search looks for and the gate compares.", facts([
    ["Columns", recipe.features.join(", ")],
    ["Look-back", recipe.look_back_days ? plural(recipe.look_back_days, "day") : null],
    ["Trees", count(recipe.rounds)],
    ...Object.entries(recipe.params).map(([key, value]) => [key, exact(value, figure(value))]),
    ["Label", `sign of the return over ${plural(recipe.horizon, "kline")}`], ["Row weights", recipe.weighting],
    ["Histogram bins", recipe.max_bin],
    ["Ensemble", recipe.ensemble.size > 1 ? `mean of ${recipe.ensemble.size} (${recipe.ensemble.kind})` : "one model"],
    ["Seed", String(recipe.seed)],
    ["Decision rule",
      rule ? `band ${figure(rule.band)}, exit ${rule.exit}, volatility ≥ ${figure(rule.min_volatility)}, volume ratio ≥ ${figure(rule.min_volume_ratio)}`
      + `, ${rule.allow_short ? "shorts allowed" : "no shorts"}` : "the settings'"]]));
}

function trialsPart(report, trials) {
  if (!report || !report.study) return null;
  const { study } = report, rows = trials || [];
  const parameters = [...new Set(rows.flatMap(Object.keys))].filter((key) => !["number", "score", "state", "net",
    "gross", "round_trips"].includes(key));
  const cell = (key) => ({ name: key, sort: (row) => row[key], of: (row) => exact(row[key], figure(row[key])) });
  return section("Study",
    `${study.study_id}: ${plural(study.trials, "trial")} (${study.completed} complete, ${study.pruned} pruned, ${study.failed} failed) in ${digits(study.seconds, 0)} s; `
      + `${study.why_stopped}; ${study.is_reproducible ? "the same again on another machine" : "NOT reproducible"}. Scored on ${day(study.first)} to ${day(study.last)}.`,
    rows.length > 1 ? trialsChart(rows) : null,
    table({ label: "Trials", rows, size: 25, none: "The trials are not kept here.",
      look: (row) => row.number === study.best ? "best" : null, columns: [
      { name: "Trial", sort: (row) => row.number, of: (row) => count(row.number) },
      { name: "State", text: true, sort: (row) => row.state,
        of: (row) => badge(row.state, row.number === study.best ? "good" : "") },
      { name: "Score", sort: (row) => row.score, of: (row) => exact(row.score, digits(row.score, 4)) },
      cell("round_trips"), ...parameters.map(cell)] }));
}

function trialsChart(rows) {
  const done = rows.filter((row) => row.state === "complete"
    && isNumber(row.score)).sort((a, b) => a.number - b.number);
  const best = done.map(((most) => (row) => { most = Math.max(most, row.score); return most; })(-Infinity));
  const draw = () => done.length < 2 ? "Not drawn: fewer than two trials were completed." : {
    data: [{ type: "scatter", mode: "markers", name: "trial", x: done.map((row) => row.number),
      y: done.map((row) => row.score),
      marker: { color: SKY, size: 7, line: { color: BLUE, width: 1 } },
      hovertemplate: "trial %{x}: %{y:.4f}<extra></extra>" },
    { type: "scatter", mode: "lines", name: "best so far", x: done.map((row) => row.number), y: best,
      line: { color: VERMILION, shape: "hv", width: 1.6 }, hoverinfo: "skip" }],
    layout: { hovermode: "closest", xaxis: axis("number of the trial"), yaxis: axis("score (sum of returns)") },
  };
  return el("div", { class: "charts" },
    chart({ title: "The search", sub: `${plural(done.length, "completed trial")}`, wide: true, height: 260, draw }));
}

function cardPart(card) {
  return section("Card", "Where it comes from; kept beside the model and never changed.", facts([
    ["Symbol", `${card.symbol} ${card.interval}`], ["Klines seen", `${time(card.first)} to ${time(card.last)} UTC`],
    ["Rows", count(card.rows)],
    ["Rows that went up", exact(card.label_rate, percent(card.label_rate, 1, false))],
    ["Made", `${time(card.created_at)} UTC`], ["Study", card.study || "none"],
    ["Klines' digest", el("code", {}, card.klines_digest)], ["Model's SHA-256", el("code", {}, card.model_sha256)],
    ["Versions", Object.entries(card.versions).map(([key, value]) => `${key} ${value || "unknown"}`).join(", ")]]),
  table({ label: "Ranges of the training rows",
    rows: card.features.map((feature,
    place) => ({ feature, low: card.feature_low[place], high: card.feature_high[place] })), columns: [
    { name: "Column", text: true, of: (row) => row.feature },
    { name: "Lowest in training", of: (row) => exact(row.low, figure(row.low)) },
    { name: "Highest", of: (row) => exact(row.high, figure(row.high)) }] }));
}
