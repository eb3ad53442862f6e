// Data quality: what was missing, what was held meanwhile, and who decided.

// From the first run's kline to the newest: the row of an absence stands for many.
const klinesSince = (summary) =>
  (moment(summary.now.open_time) - moment(summary.first)) / BUILD.intervals[summary.interval] + 1;

function quality(view) {
  const { summary } = view, { totals, now } = summary, step = BUILD.intervals[summary.interval];
  const gaps = summary.gaps.map(([first, last]) => ({ first, last, count: (last - first) / step + 1 })).reverse();
  const absences = summary.marks.filter((mark) => mark.kind === "absence" || mark.kind === "epoch").reverse();
  const share = (number) => totals.klines ? `${percent(number / klinesSince(summary), 2, false)} of all klines` : null;
  const reasons = Object.entries(summary.reasons).sort((a, b) => b[1] - a[1]),
  most = reasons.length ? reasons[0][1] : 1;
  return [
    heading("Data quality", over(summary)),
    tiles(
      tile("Runs", exact(totals.runs, count(totals.runs)), plural(totals.klines, "settled kline")),
      tile("Missed", exact(totals.missed, count(totals.missed)), share(totals.missed), totals.missed ? "warned" : null),
      tile("Not published", exact(totals.filled, count(totals.filled)),
        ["klines that the market never had; the position is kept",
        totals.filled ? [" (", link(`#/${summary.symbol}/runs?outcome=filled`, "this month's"), ")"] : ""]),
      tile("Account", now.unexplained ? "unexplained" : "as expected",
        now.unexplained || "what it holds is what our own fills say", now.unexplained ? "warned" : null),
      tile("Position", now.off_target ? "away from its target" : "as wanted",
        `${plural(totals.orders, "order")} so far`)),
    section("Hours without a decision",
      `Of the newest ${BUILD.gapDays} days: nobody was there, or it was too late. The position was held and nothing was sent.`, table({ label: "Hours without a decision", rows: gaps, size: 50,
      none: "There is none.", columns: [
        { name: "First (UTC)", text: true, sort: (gap) => gap.first, of: (gap) => time(gap.first) },
        { name: "Last", text: true, of: (gap) => time(gap.last) },
        { name: "Klines", sort: (gap) => gap.count, of: (gap) => count(gap.count) }] })),
    section("Absences and new epochs", "Hours that nobody was there for, and accounts begun anew.",
      table({ label: "Absences", rows: absences, size: 50, none: "None.", columns: [
      { name: "Run (UTC)", text: true, of: (mark) => runLink(summary.symbol, mark.at) },
      { name: "What", text: true, of: (mark) => MARKS[mark.kind].words },
      { name: "", text: true, of: (mark) => el("span", { class: "wrap" }, mark.text) }] })),
    section("Who decided", "How often each reason decided; long idle stretches show here.",
      table({ label: "Reasons", rows: reasons, columns: [
      { name: "Reason", text: true, of: ([reason]) => reasonWords(reason) },
      { name: "Runs", of: ([, number]) => count(number) },
      { name: "", text: true, of: ([, number]) => bar(number / most) }] })),
  ];
}
