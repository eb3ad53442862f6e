// Drift: whether the market still looks like what the model was trained on.

const FINDINGS = {
  prediction: "Distribution of p(up)", label_rate: "Share of klines that went up",
  relation: "Relation of p(up) to what came",
  performance: "Performance", importance: "Importance of the columns", skew: "Decisions made again",
};

function driftAlarms(symbol, alarms) {
  if (!alarms.length) return el("p", { class: "fine" }, "No alarm.");
  const others = alarms.filter((name) => name !== "skew");
  return [
    others.length ? notice("warn", `Beyond its limit: ${others.join(", ")}.`,
      "The market may no longer be the one that the model knows. A search on newer klines:",
      `trader train --symbol ${symbol}`) : null,
    others.length < alarms.length ? notice("bad", "Decisions that were made again came out differently.",
      "Code, model or klines are not what they were. This names each difference:", `trader verify --symbol ${symbol}`)
      : null,
  ];
}

function drift(view) {
  const { drift: report, summary } = view;
  if (!report) {
    return [heading("Drift"),
      empty("Nothing has been looked at yet. It is done with the first run of a day (UTC), unless drift.enabled is false.")];
  }
  const alarms = report.alarms || [];
  return [
    heading("Drift",
      `Looked at ${time(report.checked_at)} UTC: ${plural(report.rows, "row")} of the newest ${report.window_days} days against what `,
      modelLink(summary.symbol, report.model_id), " was trained on."),
    report.note ? notice("info", report.note) : null,
    report.too_early ? null : driftAlarms(summary.symbol, alarms),
    section("Features",
      `Limits are such that all alarms on this page together come about ${figure(report.false_alarms_per_year)} times a year in a market without drift; that volatility comes and goes over weeks counts as drift.`,
      featuresTable(report.features || [])),
    section("Predictions and outcomes", null, findingsTable(report)),
  ];
}

const ofLimit = (value, limit) => bar(value / limit, value > limit ? "over" : "");
const alarmBadge = (row) => row.alarm ? badge("alarm", "warn") : "";

function featuresTable(rows) {
  return table({ label: "Drift of features", rows, none: "Too few rows.", look: (row) => row.alarm ? "marked" : null,
    columns: [
    { name: "Feature", text: true, sort: (row) => row.name, of: (row) => row.name },
    { name: "", text: true, of: alarmBadge },
    { name: "PSI", sort: (row) => row.psi, of: (row) => exact(row.psi, digits(row.psi, 3)) },
    { name: "limit", of: (row) => digits(row.limit_psi, 3) },
    { name: "of the limit", text: true, of: (row) => ofLimit(row.psi, row.limit_psi) },
    { name: "KS", sort: (row) => row.ks, of: (row) => exact(row.ks, digits(row.ks, 3)) },
    { name: "limit", of: (row) => digits(row.limit_ks, 3) },
    { name: "of the limit", text: true, of: (row) => ofLimit(row.ks, row.limit_ks) }] });
}

function findingsTable(report) {
  const named = Object.entries(FINDINGS).filter(([key]) => report[key]).map(([key, words]) => ({ ...report[key],
    words }));
  const rows = [...named, ...(report.figures || []).map((found) => ({ ...found, words: found.name }))];
  return table({ label: "Findings", rows, none: "Too few rows.", look: (row) => row.alarm ? "marked" : null, columns: [
    { name: "What", text: true, of: (row) => row.words }, { name: "", text: true, of: alarmBadge },
    { name: "Figure", of: (row) => exact(row.value, figure(row.value)) },
    { name: "Limit", of: (row) => exact(row.limit, figure(row.limit)) },
    { name: "In words", text: true, of: (row) => el("span", { class: "wrap" }, row.what) }] });
}
