// Numbers and times as people read them. What is unknown is a dash, never a zero.

const NONE = "–";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

function digits(value, decimals, signed) {
  if (!isNumber(value)) return NONE;
  const text = Math.abs(value).toLocaleString("en-US",
    { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  const isZero = Number(text.replace(/,/g, "")) === 0;
  return (value < 0 && !isZero ? "\u2212" : signed && !isZero ? "+" : "") + text;
}

const percent = (value, decimals = 2, signed = true) => isNumber(value) ? digits(value * 100, decimals, signed)
+ "\u00a0%" : NONE;
const count = (value) => digits(value, 0);
const seconds = (value) => !isNumber(value) ? NONE : value < 0.1 ? digits(value * 1000, 1) + "\u00a0ms"
: digits(value, 2) + "\u00a0s";

function figure(value) {
  if (!isNumber(value)) return value === null || value === undefined ? NONE : String(value);
  if (Number.isInteger(value)) return count(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(3).replace("-", "\u2212");
  return digits(value, size >= 1000 ? 2 : size >= 1 ? 4 : 6).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

// How many decimals numbers of one column need, so that their points stand below each other.
function decimals(values) {
  return Math.min(8, Math.max(0,
    ...values.filter(isNumber).map((value) => (String(value).split(".")[1] || "").length)));
}

// A shown number carries the exact one, for the reader who hovers over it and for programs.
function exact(value, text, look) {
  if (!isNumber(value)) return text;
  return el("data", { value: String(value), title: String(value), class: look || null }, text);
}

const signLook = (value) => !isNumber(value) || value === 0 ? null : value < 0 ? "down" : "up";

const moment = (value) => typeof value === "number" ? value : value ? Date.parse(value) : NaN;

function time(value, withSeconds = false) {
  const at = moment(value);
  return Number.isFinite(at) ? new Date(at).toISOString().slice(0, withSeconds ? 19 : 16).replace("T", " ") : NONE;
}

const day = (value) => time(value).slice(0, 10);

function span(milliseconds) {
  const minutes = Math.round(Math.abs(milliseconds) / 60000);
  if (minutes < 1) return "under a minute";
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} days`;
}

function exposureWords(value) {
  if (!isNumber(value)) return NONE;
  if (value === 0) return "flat";
  const share = Math.abs(value) === 1 ? "" : ` ${digits(Math.abs(value) * 100, 0)}\u00a0%`;
  return (value > 0 ? "long" : "short") + share;
}

function plural(number, one, many) {
  return `${count(number)}\u00a0${number === 1 ? one : many || one + "s"}`;
}
