// The charts of one symbol, all from its summary. Times are closes: a run's figures hold from the close of its kline on.

const closes = (summary) => summary.curves.time.map((open) => open + BUILD.intervals[summary.interval]);
const over = (summary) => `${plural(summary.totals.runs, "run")} from ${day(summary.first)} to ${day(summary.now.open_time)}, UTC`;
const TOO_FEW = "Not drawn yet: it needs at least two runs.";

const evidenceLine = (summary) => `${over(summary)}; ${costsWords(summary)}; ${tripsWords(summary)}`;

function equityChart(summary) {
  const { curves, notional } = summary;
  const draw = () => {
    if (curves.time.length < 2) return TOO_FEW;
    const x = closes(summary);
    const execution = curves.execution.map((value) => isNumber(value) ? value / notional : null);
    return {
      data: [
        line("hold", x, curves.hold, GREY, { dash: DASHES.dash, width: 1.4 }),
        line("paper, before costs", x, curves.gross, SKY, { dash: DASHES.dot, width: 1.4 }),
        line("execution", x, execution, VERMILION),
        line("paper", x, curves.net, BLUE, { width: 2.4 }),
        ...markTraces(summary, x),
      ],
      layout: { xaxis: timeAxis(), yaxis: percentAxis("sum of returns, % of the notional") },
    };
  };
  return chart({ title: "Equity of both books against hold", sub: evidenceLine(summary), height: 380, wide: true, draw,
    note: "Paper: what the strategy earns on a fixed notional, net of costs. Execution: what the orders earned. "
      + `Hold: bought once, at the first close. Before the newest ${BUILD.recentDays} days there is one point a day.` });
}

function markTraces(summary, x) {
  const step = BUILD.intervals[summary.interval];
  return Object.keys(MARKS).map((kind) => {
    const marks = summary.marks.filter((mark) => mark.kind === kind);
    if (!marks.length) return null;
    const at = marks.map((mark) => moment(mark.at) + step);
    return { type: "scatter", mode: "markers", name: MARKS[kind].words, x: at, cliponaxis: false,
      y: at.map((time) => valueAt(x, summary.curves.net, time)),
      marker: { symbol: MARKS[kind].symbol, size: 10, color: INK, line: { width: 1.6, color: INK } },
      text: marks.map((mark) => plain(mark.text.slice(0, 160))),
      hovertemplate: "%{text}<extra>" + MARKS[kind].words + "</extra>" };
  }).filter(Boolean);
}

function valueAt(x, y, time) {
  let low = 0, high = x.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (x[middle] <= time) low = middle; else high = middle - 1;
  }
  return y[low];
}

function drawdownChart(summary) {
  const { curves, totals } = summary;
  const draw = () => curves.time.length < 2 ? TOO_FEW : {
    data: [line("drawdown", closes(summary), curves.drawdown.map((fall) => -fall), BLUE,
      { fill: "tozeroy", fillcolor: "rgba(0,114,178,.15)" })],
    layout: { showlegend: false, xaxis: timeAxis(), yaxis: percentAxis("below the peak, % of the notional") },
  };
  return chart({ title: "Drawdown of the paper book", draw,
    sub: `largest ${percent(totals.max_drawdown, 2, false)}; ${evidenceLine(summary)}` });
}

function exposureChart(summary) {
  const { curves, totals } = summary;
  const draw = () => curves.time.length < 2 ? TOO_FEW : {
    data: [
      line("close", closes(summary), curves.close, INK, { width: 1.3, format: ",.8~g" }),
      line("exposure", closes(summary), curves.exposure, ORANGE,
        { yaxis: "y2", fill: "tozeroy", fillcolor: "rgba(230,159,0,.25)",
        line: { color: "#b87700", width: 1, shape: "hv" }, format: ".0%" }),
    ],
    layout: { xaxis: timeAxis({ anchor: "y2" }), yaxis: axis("close, quote units", { domain: [0.42, 1] }),
      yaxis2: percentAxis("exposure",
        { domain: [0, 0.34], range: [-1.08, 1.08], tickvals: [-1, 0, 1], ticktext: ["short", "flat", "long"] }) },
  };
  const share = totals.runs ? totals.exposed / totals.runs : null;
  return chart({ title: "Exposure and price", draw,
    sub: `in a position ${percent(share, 0, false)} of ${over(summary)}` });
}

function hitRateChart(summary) {
  const { curves, recent } = summary;
  const draw = () => {
    if (!curves.hit_rate.some(isNumber)) return "Not drawn yet: no hour with a position has been scored.";
    const x = closes(summary);
    return {
      data: [
        line("lower bound", x, curves.hit_low, SKY,
          { width: 0, showlegend: false, hoverinfo: "skip", hovertemplate: null }),
        line("95 % interval", x, curves.hit_high, SKY, { width: 0, fill: "tonexty", fillcolor: "rgba(86,180,233,.3)",
          hoverinfo: "skip", hovertemplate: null }),
        line("hit rate", x, curves.hit_rate, BLUE, { format: ".1%" }),
      ],
      layout: { xaxis: timeAxis(), yaxis: percentAxis("share of hits"), shapes: [level(0.5)] },
    };
  };
  return chart({ title: "Rolling hit rate", draw,
    sub: `newest ${plural(recent.length, "hour")} with a position (at most ${BUILD.hitWindow}), 95 % Wilson interval of each point; ${tripsWords(summary)}; UTC` });
}

const level = (y) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y,
  line: { color: GREY, width: 1, dash: "dash" } });

function returnsChart(summary) {
  const { returns } = summary, step = BUILD.returnStep;
  const total = returns.reduce((sum, n) => sum + n, 0);
  const draw = () => {
    if (!total) return "Not drawn yet: no hour with a position has been settled.";
    const used = returns.map((n, bin) => n ? bin : -1).filter((bin) => bin >= 0);
    const reach = Math.max(10, ...used.map((bin) => Math.abs(bin - (returns.length - 1) / 2))) + 1;
    const middle = (returns.length - 1) / 2;
    const bins = returns.map((_, bin) => bin).filter((bin) => Math.abs(bin - middle) <= reach);
    const at = bins.map((bin) => (bin - middle) * step);
    return {
      data: [{ type: "bar", name: "hours", x: at, y: bins.map((bin) => returns[bin]), width: step * 0.9,
        marker: { color: at.map((value) => value < 0 ? VERMILION : BLUE) },
        customdata: bins.map((bin) => binName(bin, returns.length, step)),
        hovertemplate: "%{customdata}: %{y} hours<extra></extra>" }],
      layout: { showlegend: false, hovermode: "closest", bargap: 0,
        xaxis: percentAxis("net return of an hour, % of the notional"),
        yaxis: axis("hours", { rangemode: "tozero" }) },
    };
  };
  return chart({ title: "Returns of hours with a position",
    sub: `${plural(total, "hour")}, bins of ${percent(step, 1, false)}; ${costsWords(summary)}; ${tripsWords(summary)}`,
    draw });
}

function binName(bin, length, step) {
  const low = (bin - length / 2) * step, high = low + step;
  if (bin === 0) return `below ${percent(high, 1)}`;
  if (bin === length - 1) return `${percent(low, 1)} or more`;
  return `${percent(low, 1)} to ${percent(high, 1)}`;
}

function wilson(hits, n) {
  const z = 1.959963984540054, share = hits / n, scale = 1 + z * z / n;
  const middle = (share + z * z / (2 * n)) / scale;
  const half = z * Math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale;
  return [middle - half, middle + half];
}

function calibrationChart(summary) {
  const { calibration } = summary;
  const total = calibration.count.reduce((sum, n) => sum + n, 0);
  const bins = calibration.count.map((n, bin) => n ? {
    n, mean: calibration.p_sum[bin] / n, rate: calibration.ups[bin] / n, interval: wilson(calibration.ups[bin], n),
  } : null).filter(Boolean);
  const brier = total ? `Brier score ${digits(calibration.brier / total, 4)} (0.25 is a coin)` : "none is scored yet";
  return reliability({ title: "Calibration of p(up)", bins,
    sub: `${plural(total, "prediction")}, 95 % Wilson intervals; ${brier}` });
}

// What was promised against what came; `bins` are { n, mean, rate, interval }.
function reliability({ title, sub, bins }) {
  const draw = () => {
    if (!bins.length) return "Not drawn yet: no prediction has been scored.";
    const ends = bins.flatMap((bin) => [bin.mean, ...bin.interval.map((end) => Math.min(1, Math.max(0, end)))]);
    const low = Math.max(0, Math.min(...ends) - 0.03), high = Math.min(1, Math.max(...ends) + 0.03);
    return {
      data: [
        { type: "scatter", mode: "lines", name: "perfect", x: [low, high], y: [low, high], hoverinfo: "skip",
          line: { color: GREY, dash: "dash", width: 1 } },
        { type: "scatter", mode: "markers+lines", name: "observed", x: bins.map((bin) => bin.mean),
          y: bins.map((bin) => bin.rate),
          error_y: { type: "data", symmetric: false, array: bins.map((bin) => bin.interval[1] - bin.rate),
            arrayminus: bins.map((bin) => bin.rate - bin.interval[0]), color: BLUE, thickness: 1.2, width: 3 },
          line: { color: BLUE, width: 1 }, marker: { color: BLUE, size: 7 }, customdata: bins.map((bin) => bin.n),
          hovertemplate: "p(up) %{x:.1%}: went up %{y:.1%} of %{customdata}<extra></extra>" },
      ],
      layout: { hovermode: "closest", xaxis: percentAxis("mean p(up)", { range: [low, high] }),
        yaxis: percentAxis("share that went up", { range: [low, high] }) },
    };
  };
  return chart({ title, sub, draw });
}

const CAUSES = [
  ["rebalancing", "a fixed notional is rebalanced every hour on paper, the quantity is not", BLUE, DASHES.solid],
  ["unfilled", "the position is not what was wanted", ORANGE, DASHES.dash],
  ["basis", "the venue's price is another one than the market's close", GREEN, DASHES.dot],
  ["shortfall", "the fills were worse than the price on arrival", VERMILION, DASHES.solid],
  ["fees", "commissions beyond the costs charged on paper", PURPLE, DASHES.both],
];

function executionChart(summary, currency) {
  const { curves, totals } = summary;
  const draw = () => {
    if (curves.time.length < 2) return TOO_FEW;
    const x = closes(summary), total = x.map((_, row) => CAUSES.reduce((sum, [cause]) => sum + curves[cause][row], 0));
    return {
      data: [line("together", x, total, INK, { width: 2.4, format: ",.2f" }),
        ...CAUSES.map(([cause, , color, dash]) => line(cause, x, curves[cause], color,
          { dash, width: 1.5, format: ",.2f" }))],
      layout: { xaxis: timeAxis(), yaxis: axis(currency) },
    };
  };
  return chart({ title: "Why execution differs from paper", draw,
    sub: `paper minus execution by cause, ${currency}, cumulative; ${plural(totals.orders, "order")}, UTC`,
    note: CAUSES.map(([cause, words]) => `${cause}: ${words}`).join("; ") + "." });
}

function latencyChart(summary) {
  const { curves } = summary;
  const known = curves.order_seconds.filter(isNumber).sort((a, b) => a - b);
  const rank = (share) => known[Math.min(known.length - 1, Math.floor(share * known.length))];
  const draw = () => !known.length ? "Not drawn yet: no run has been timed." : {
    data: [
      line("to the commit", closes(summary), curves.seconds, SKY, { width: 1, format: ".3f" }),
      line("to the order", closes(summary), curves.order_seconds, BLUE, { width: 1.2, format: ".3f" }),
    ],
    layout: { xaxis: timeAxis(), yaxis: axis("seconds from the start of the run", { rangemode: "tozero" }) },
  };
  const words = known.length ? `median to the order ${seconds(rank(0.5))}, 95 % within ${seconds(rank(0.95))}; ` : "";
  return chart({ title: "Latency", sub: `${words}${plural(known.length, "run")} shown, UTC`, draw });
}
