// What the codes of the ledger mean, in words.

const OUTCOMES = { decided: "decided", filled: "no kline published", missed: "missed" };
const DUST = new Set(["on-target", "below-lot-step", "below-min-quantity", "below-min-notional"]);
const NOT_SENT = {
  "on-target": "nothing to do: the position is the target",
  "below-lot-step": "nothing to do: what is left over is less than one lot step",
  "below-min-quantity": "what is left over is less than the exchange takes",
  "below-min-notional": "what is left over is worth less than the exchange takes",
  "base-allocation-exhausted": "the share of the account in base units is used up",
  "quote-allocation-exhausted": "the share of the account in quote units is used up",
  "symbol-not-trading": "the exchange does not trade the symbol now",
  "refused-by-exchange": "the exchange refused the order",
  "account-changed": "the account holds what our own fills do not explain",
  "never-arrived": "the order never reached the exchange",
  "hour-not-traded": "the hour was not traded",
};
const MARKS = {
  training: { words: "training", symbol: "diamond-open" },
  promotion: { words: "promotion", symbol: "star" },
  epoch: { words: "new epoch", symbol: "square" },
  halt: { words: "halt", symbol: "x" },
  resume: { words: "resume", symbol: "triangle-right" },
  limit: { words: "loss limit", symbol: "cross" },
  absence: { words: "absence", symbol: "circle-open" },
};
const STATES = {
  champion: "decides now",
  challenger: "waits for a person's word",
  trained: "made, not judged yet",
  retired: "has decided before",
  rejected: "did not win",
  removed: "rejected long ago, its trees are gone",
};
const DUE = { return: "its return fell below the threshold", age: "its model is old", idle: "it has not traded" };

const reasonWords = (reason) => BUILD.reasons[reason] || (reason ? String(reason) : NONE);
const outcomeWords = (outcome) => OUTCOMES[outcome] || (outcome ? String(outcome) : NONE);
const notSentWords = (code) => NOT_SENT[code] || String(code);
const isLeftOver = (code) => code === null || code === undefined || DUST.has(code);

// Tells whether the position is away from its target by more than what is left over of an order.
function isAway(row) {
  if (!row.off_target || DUST.has(row.not_sent)) return false;
  const size = Math.max(Math.abs(row.target || 0), Math.abs(row.ordered || 0));
  return Math.abs((row.position || 0) - (row.target || 0)) > 0.02 * size;
}

// Everything that a person should look at in a run, in words.
function troubles(row) {
  const found = [];
  if (row.missed > 0) found.push(row.missed === 1 ? "missed" : `${row.missed} klines missed`);
  if (row.unexplained) found.push(`the account holds what our fills do not explain: ${row.unexplained}`);
  if (!isLeftOver(row.not_sent)
    && row.not_sent !== "hour-not-traded") found.push(`not sent: ${notSentWords(row.not_sent)}`);
  if (isAway(row)) found.push("the position is away from its target");
  if (row.new_epoch) found.push(`new epoch: ${row.new_epoch}`);
  if (row.limit_reached > 0) found.push("a loss limit was reached");
  if (row.halt) found.push(`halted: ${row.halt}`);
  for (const order of row.orders || []) if (order.refused) found.push(`refused: ${order.refused}`);
  return found;
}

const EVIDENCE = (trips) => trips < BUILD.minRoundTrips ? `fewer than ${BUILD.minRoundTrips} round trips: NO EVIDENCE`
: "";
const tripsWords = ({ totals }) => {
  const says = EVIDENCE(totals.round_trips);
  return plural(totals.round_trips, "round trip") + (says && `: ${says}`);
};
// What was charged; the costs of the settings may have been others for a part of the time.
const costsWords = (summary) => {
  const slippage = summary.slippage_rate ? ` + ${figure(summary.slippage_rate * 1e4)} bp slippage` : "";
  const said = `${figure(summary.fee_rate * 1e4)} bp fee${slippage} a side`, { totals } = summary;
  const rate = totals.turnover ? (totals.gross - totals.net) / totals.turnover : null;
  if (rate === null || Math.abs(rate - summary.fee_rate - summary.slippage_rate) <= 1e-6) return `costs ${said}`;
  return `costs ${digits(rate * 1e4, 1)} bp a side on average as charged (the settings now say ${said})`;
};
