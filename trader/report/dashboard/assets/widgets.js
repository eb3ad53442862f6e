// The few parts that every view is made of.

function section(title, note, ...children) {
  return el("section", {}, el("h2", {}, title), note && el("p", { class: "note" }, note), children);
}

function heading(title, ...lead) {
  return [el("h1", {}, title), lead.length > 0 && el("p", { class: "lead" }, lead)];
}

function tile(label, value, note, look) {
  return el("div", { class: `tile ${look || ""}` },
    el("dt", {}, label), el("dd", { class: "value" }, value), note && el("dd", { class: "under" }, note));
}

const tiles = (...all) => el("dl", { class: "tiles" }, all);

function facts(pairs) {
  const shown = pairs.filter((pair) => pair && pair[1] !== undefined);
  return el("dl", { class: "facts" }, shown.map(([name, value]) =>
    el("div", { class: isLong(value) ? "wide" : null }, el("dt", {}, name),
      el("dd", {}, value === null || value === "" ? NONE : value))));
}

const isLong = (value) => (value instanceof Node ? value.textContent : String(value)).length > 42;

// A box that asks for attention; `command` is something to type, `look` is bad, warn, good or info.
function notice(look, title, text, command) {
  return el("div", { class: `notice ${look}`, role: look === "bad" ? "alert" : null },
    el("p", { class: "what" }, title), text && el("p", {}, text), command && el("code", { class: "command" }, command));
}

const empty = (text) => el("p", { class: "empty" }, text);
const badge = (text, look) => el("span", { class: `badge ${look || ""}` }, text);

// A horizontal bar from 0 to `share` (0 to 1), for tables of figures.
function bar(share, look) {
  const width = Math.max(0, Math.min(1, share || 0)) * 100;
  const filled = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  filled.setAttribute("viewBox", "0 0 100 8");
  filled.setAttribute("preserveAspectRatio", "none");
  filled.setAttribute("class", `bar ${look || ""}`);
  filled.setAttribute("aria-hidden", "true");
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  rect.setAttribute("width", width.toFixed(2));
  rect.setAttribute("height", "8");
  filled.append(rect);
  return filled;
}

// A table. Columns: { name, of(row) -> what is shown, sort(row) -> what it is sorted by (optional), text: not a number }.
// It shows `size` rows at a time; `order` is { column, descending } and is changed by its buttons.
function table({ label, columns, rows, size = 100, order = null, look = null, none = "Nothing to show." }) {
  const state = { order, page: 0 };
  const body = el("tbody", {});
  const head = el("tr", {});
  const pager = el("nav", { class: "pager", "aria-label": `Pages of ${label}` });
  const sorted = () => {
    if (!state.order) return rows;
    const by = columns[state.order.column].sort, way = state.order.descending ? -1 : 1;
    return [...rows].sort((a, b) => compare(by(a), by(b), way));
  };
  const turn = (page) => { state.page = page; draw(); };
  const draw = () => {
    const all = sorted(), from = state.page * size;
    replace(head, columns.map((column, place) => headCell(column, place, state, () => turn(0))));
    replace(body, all.slice(from, from + size).map((row) => bodyRow(columns, row, look)));
    replace(pager, all.length > size && pages(all.length, state.page, size, turn));
  };
  draw();
  if (!rows.length) return empty(none);
  return el("div", {}, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    el("table", {}, el("thead", {}, head), body)), pager);
}

function bodyRow(columns, row, look) {
  return el("tr", { class: look ? look(row) : null }, columns.map((column, place) =>
    el(place === 0 ? "th" : "td", { scope: place === 0 ? "row" : null, class: column.text ? "text" : null },
      column.of(row))));
}

function headCell(column, place, state, redraw) {
  const mine = state.order && state.order.column === place;
  const sort = mine ? (state.order.descending ? "descending" : "ascending") : null;
  if (!column.sort) return el("th", { scope: "col", class: column.text ? "text" : null }, column.name);
  const click = () => {
    state.order = { column: place, descending: mine ? !state.order.descending : !column.text };
    redraw();
  };
  return el("th", { scope: "col", class: column.text ? "text" : null, "aria-sort": sort },
    el("button", { type: "button", click }, column.name, mine ? (state.order.descending ? " ▾" : " ▴") : ""));
}

// What is unknown comes last, whichever way the column is sorted.
function compare(a, b, way) {
  const noA = a === null || a === undefined, noB = b === null || b === undefined;
  if (noA || noB) return noA === noB ? 0 : noA ? 1 : -1;
  return (a < b ? -1 : a > b ? 1 : 0) * way;
}

function pages(total, page, size, turn) {
  const last = Math.ceil(total / size) - 1;
  const button = (text, to) => el("button", { type: "button", disabled: to < 0 || to > last, click: () => turn(to) },
    text);
  return [button("← Before", page - 1),
    el("span", { "aria-live": "polite" },
      `${count(page * size + 1)} to ${count(Math.min(total, (page + 1) * size))} of ${count(total)}`),
    button("Next →", page + 1)];
}
