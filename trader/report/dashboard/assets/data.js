// The data files: scripts that call TRADER, because a page opened from a folder may load scripts and nothing else.

const arrived = new Map();
const MINUTE = 60000;

window.TRADER = Object.freeze({
  index: (value) => arrived.set("index", value),
  summary: (name, value) => arrived.set(`${name}/summary`, value),
  month: (name, month, value) => arrived.set(`${name}/${month}`, value),
  models: (name, value) => arrived.set(`${name}/models`, value),
  model: (name, id, value) => arrived.set(`${name}/model-${id}`, value),
});

class DataError extends Error {
  constructor(message, advice) {
    super(message);
    this.advice = advice;
  }
}

const AGAIN = "The next run writes it again; `trader dashboard --rebuild` does so now.";

// Loads the script `data/<key>.js`; `version` is what its address changes with, so that no old copy is taken for it.
function load(key, version) {
  return new Promise((resolve, reject) => {
    const before = arrived.get(key);
    arrived.delete(key);
    const script = el("script", {
      src: `data/${key}.js?v=${encodeURIComponent(version)}`,
      load: () => {
        script.remove();
        if (arrived.has(key)) return resolve(arrived.get(key));
        if (before !== undefined) arrived.set(key, before);
        reject(new DataError(`data/${key}.js is damaged: it holds nothing that this page can read.`, AGAIN));
      },
      error: () => {
        script.remove();
        if (before !== undefined) arrived.set(key, before);
        reject(new DataError(`data/${key}.js is missing, or cannot be reached.`, AGAIN));
      },
    });
    document.head.append(script);
  });
}

const thisMinute = () => Math.floor(Date.now() / MINUTE);

const loadIndex = () => load("index", thisMinute());
const known = (key) => arrived.get(key);

async function loadSummary(name, { again = false } = {}) {
  const key = `${name}/summary`;
  const value = !again && known(key) || await load(key, thisMinute());
  const schema = value && value.summary && value.summary.schema;
  if (schema !== BUILD.schema) {
    throw new DataError(
      `data/${key}.js has schema ${schema}; this page reads schema ${BUILD.schema}.`,
      "Reload the page; if that does not help, page and bot are of different versions: `trader dashboard --rebuild`.",
    );
  }
  return value;
}

// A month's rows as objects, oldest first. Its address changes with the number of its runs.
const parsed = new Map();

async function loadMonth(name, month, runs) {
  const key = `${name}/${month}`;
  const held = parsed.get(key);
  if (held && held.runs === runs) return held.rows;
  const { columns, rows } = await load(key, runs);
  if (!Array.isArray(columns) || !Array.isArray(rows)) {
    throw new DataError(`data/${key}.js is damaged: it has no table.`, AGAIN);
  }
  const objects = rows.map((row) => Object.fromEntries(columns.map((column, place) => [column, row[place]])));
  parsed.set(key, { runs, rows: objects });
  return objects;
}

const loadModels = async (name) => known(`${name}/models`) || load(`${name}/models`, thisMinute());

async function loadModel(name, id) {
  const key = `${name}/model-${id}`;
  if (!/^[A-Za-z0-9_=-]+$/.test(id)) throw new DataError(`There is no model ${id}.`, "");
  return known(key) || load(key, thisMinute());
}
