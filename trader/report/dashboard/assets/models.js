// All models of a symbol, and what became of them.

async function models(view, name) {
  const { summary } = view, found = await loadModels(name), symbol = summary.symbol;
  const list = [...found.models].sort((a, b) => compare(a.created_at, b.created_at, -1));
  const waiting = list.filter((model) => model.state === "challenger");
  return [
    heading("Models", found.champion
      ? ["Decides now: ", modelLink(symbol, found.champion), found.pinned ? " (pinned: no training replaces it)" : ""]
      : "No model decides yet."),
    waiting.map((model) => approval(symbol, model.id, found.pinned)),
    section("All models", null, table({ label: "Models", rows: list, size: 50, none: "There are none yet.", columns: [
      { name: "Model", text: true, sort: (model) => model.id, of: (model) => modelLink(symbol, model.id) },
      { name: "State", text: true, sort: (model) => model.state, of: (model) => stateBadge(model.state) },
      { name: "Seen until", text: true, sort: (model) => model.last, of: (model) => time(model.last) },
      { name: "Made", text: true, sort: (model) => model.created_at, of: (model) => time(model.created_at) },
      { name: "Why", text: true, of: (model) => el("span", { class: "wrap" }, model.why) }] })),
    section("What happened", null, eventsTable(symbol, found.events)),
  ];
}

const STATE_LOOKS = { champion: "good", challenger: "warn" };
const stateBadge = (state) => el("span", { title: STATES[state] || "" }, badge(state, STATE_LOOKS[state]));

function eventsTable(symbol, events, ofModel) {
  const kept = (events || []).filter((event) => !ofModel || event.model_id === ofModel).reverse();
  const columns = [
    { name: "When (UTC)", text: true, of: (event) => time(event.at) },
    !ofModel && { name: "Model", text: true, of: (event) => modelLink(symbol, event.model_id) },
    { name: "Step", text: true,
      of: (event) => event.from_state === event.to_state ? (event.pinned ? "pinned" : "let go")
      : `${event.from_state || "new"} → ${event.to_state}` },
    { name: "By", text: true, of: (event) => event.who },
    { name: "Why", text: true, of: (event) => el("span", { class: "wrap" }, event.why) },
  ].filter(Boolean);
  return table({ label: "Events", rows: kept, size: 50, columns, none: "No event is written down." });
}

// For a challenger under manual promotion; this is what its report is read for.
function approval(symbol, id, pinned) {
  return el("div", { class: "notice warn approval", role: "alert" },
    el("p", { class: "what" }, "THIS AWAITS APPROVAL: ", modelLink(symbol, id)),
    el("p", {}, "Read its page. To let it decide from the next run on:"),
    el("code", { class: "command" },
      `trader models promote ${id} --symbol ${symbol} --why "..."${pinned ? " --unpin" : ""}`),
    el("p", {}, "To keep the champion, do nothing."));
}
