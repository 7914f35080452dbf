// Follows runs: what the server tells is kept, and what changed is drawn again.
"use strict";
import { Panel } from "./charts.js";
import { ago, byId, chip, compact, el, fill, follow, number, signed, story } from "./parts.js";

const COLOURS = 6;
const AVERAGE = "weight average";
const WIDE = ["nashconv", "exam"];
const STATES = { running: "running", finished: "finished", quiet: "quiet", waiting: "waiting to begin" };
const runs = new Map(); // id -> what is known of a run
const panels = new Map(); // kind -> Panel
let titles = {};
let axis = "step";
let hidden = new Set(); // runs that the reader has switched off
let picked = null; // the game that is open: "run/key"; null follows the newest
let opened = null;
let skew = 0; // seconds by which the server's clock is ahead of this one
let waiting = false;

follow("events", hear, (state) => {
  const link = byId("link");
  link.textContent = state === "live" ? "live" : "connection lost, trying again …";
  link.className = `chip ${state === "live" ? "fine" : "bad"}`;
});

function hear(kind, data) {
  skew = data.at - Date.now() / 1000;
  if (kind === "whole") {
    titles = data.panels;
    // a server that began anew may number its runs otherwise
    runs.clear();
  }
  for (const [id, news] of Object.entries(data.runs)) {
    const run = runs.get(id) ?? { id, curves: {} };
    const { curves, ...rest } = news;
    Object.assign(run, rest);
    if (news.name !== undefined) run.curves = {};
    for (const [panel, lines] of Object.entries(curves ?? {}))
      for (const [line, { at, points }] of Object.entries(lines)) {
        const known = ((run.curves[panel] ??= {})[line] ??= []);
        known.splice(at, known.length, ...points);
      }
    runs.set(id, run);
  }
  redraw();
}

function redraw() {
  if (waiting) return;
  waiting = true;
  // a page that nobody looks at draws nothing until somebody does
  requestAnimationFrame(() => {
    waiting = false;
    head();
    cards();
    alarms();
    curves();
    tables();
    games();
  });
}

function plural(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

function head() {
  const all = [...runs.values()];
  const title = all.length === 1 ? all[0].name : plural(all.length, "run");
  byId("title").textContent = all.length ? title : "No run yet";
  const going = all.filter((run) => run.state === "running").length;
  document.title = `${going ? "● " : ""}${title} · Sparring, live`;
  byId("headline").textContent = all.length ? said(all) : "A run shows here as soon as it writes its first file.";
}

// the state of things in one sentence
function said(all) {
  if (all.length > 1) {
    const counts = Object.keys(STATES).map((state) => [all.filter((run) => run.state === state).length, STATES[state]]);
    return `${counts.filter(([count]) => count).map(([count, word]) => `${count} ${word}`).join(", ")}.`;
  }
  const [run] = all;
  if (run.state === "waiting") return "Nothing is written yet: the first numbers show here by themselves.";
  const parts = [];
  if (run.step !== null && run.step !== undefined) parts.push(`Step ${run.step.toLocaleString("en")}${run.steps ? ` of ${run.steps.toLocaleString("en")}` : ""}`);
  const nash = run.curves.nashconv?.[""];
  if (nash?.length > 1) parts.push(`exact NashConv ${nash.at(-1)[1] <= nash[0][1] ? "fell" : "rose"} from ${number(nash[0][1])} to ${number(nash.at(-1)[1])}`);
  if (!parts.length && run.table) parts.push(`${plural(run.table.games, "game")} of ${run.table.game}`);
  return parts.length ? `${parts.join("; ")}.` : "";
}

function arms() {
  const found = new Map();
  for (const run of runs.values()) found.set(run.arm, [...(found.get(run.arm) ?? []), run]);
  return found;
}

// what runs of one arm are called together: what their names begin with
function armName(own) {
  if (own.length === 1) return own[0].name;
  let common = own[0].name;
  for (const run of own) while (!run.name.startsWith(common)) common = common.slice(0, -1);
  return common.replace(/[-_/.\s]*(seed)?[-_/.\s]*$/i, "") || own[0].name;
}

function cards() {
  const order = [...arms().values()];
  const many = runs.size > 1;
  const made = order.flatMap((own, arm) =>
    own.map((run) => {
      const share = run.steps ? Math.min(1, (run.step ?? 0) / run.steps) : null;
      const since = run.since ? ago(Date.now() / 1000 + skew - run.since) : "";
      return el(
        "article",
        { class: `card${hidden.has(run.id) ? " off" : ""}`, "data-run": run.id, "data-state": run.state },
        el(
          "p",
          { class: "card-name" },
          many ? el("span", { class: `swatch b${arm % COLOURS}` }) : null,
          many
            ? el("button", { type: "button", class: "plain", "aria-pressed": String(!hidden.has(run.id)), title: "Show or hide its curves", onclick: () => toggle(run.id), "data-key": `toggle ${run.id}` }, run.name)
            : el("b", {}, run.name),
          chip(STATES[run.state] ?? run.state, run.state),
          since && run.state !== "waiting" ? el("span", { class: "muted small" }, since) : null,
        ),
        share !== null
          ? el("p", { class: "card-bar" }, el("progress", { max: 1, value: share, "aria-label": `${run.name}: steps` }), el("span", { class: "num small" }, `${compact(run.step ?? 0)} / ${compact(run.steps)}`))
          : null,
        el("dl", { class: "facts small" }, run.facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
        run.fault ? el("p", { class: "notice alarm" }, run.fault) : null,
        run.report ? el("p", { class: "muted small" }, "Its report is written: report.html in its folder.") : null,
      );
    }),
  );
  keeping(byId("cards"), made);
}

function toggle(id) {
  if (hidden.has(id)) hidden.delete(id);
  else hidden.add(id);
  redraw();
}

// Replaces what is inside, and gives the focus back to what has it there now.
function keeping(place, made) {
  const key = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  fill(place, made);
  if (key) [...place.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key)?.focus();
}

function alarms() {
  const found = [...runs.values()].flatMap((run) => run.alarms.map(([step, text]) => ({ run, step, text })));
  byId("alarms").hidden = !found.length;
  const rows = found.slice(0, 12).map(({ run, step, text }) =>
    el("p", { class: "notice alarm" }, el("strong", {}, `${runs.size > 1 ? `${run.name}, step` : "Step"} ${step.toLocaleString("en")}`), ` ${text}`),
  );
  if (found.length > 12) rows.push(el("p", { class: "muted" }, `… and ${found.length - 12} older ones`));
  fill(byId("alarm-list"), rows);
}

// x by games or tokens: between two records both grow evenly
function over(run, points) {
  const scale = axis === "step" ? null : run.curves[""]?.[axis];
  if (!scale?.length) return axis === "step" ? points : [];
  let at = 0;
  return points.map(([step, value]) => {
    while (at < scale.length - 2 && scale[at + 1][0] < step) at++;
    const [a, b] = [scale[at], scale[Math.min(at + 1, scale.length - 1)]];
    const part = b[0] > a[0] ? Math.min(1, Math.max(0, (step - a[0]) / (b[0] - a[0]))) : 0;
    return [a[1] + part * (b[1] - a[1]), value];
  });
}

function curves() {
  const groups = [...arms().values()];
  const kinds = [...new Set([...runs.values()].flatMap((run) => Object.keys(run.curves)))].filter(Boolean);
  const order = Object.keys(titles);
  kinds.sort((a, b) => a.split("/")[1]?.localeCompare(b.split("/")[1] ?? "") || order.indexOf(a.split("/")[0]) - order.indexOf(b.split("/")[0]));
  let any = false;
  for (const kind of kinds) {
    const lines = groups.length > 1 || runs.size > 1 ? overlaid(kind, groups) : alone(kind);
    // what is 0 from first to last says only that a run has no such thing
    const says = lines.some((line) => line.points.some((point) => point[1] !== 0));
    let panel = panels.get(kind);
    if (!says) {
      panel?.node.remove();
      panels.delete(kind);
      continue;
    }
    any = true;
    if (!panel) {
      const [name, ...game] = kind.split("/");
      panel = new Panel(game.length ? `${titles[name]}: ${game.join("/")}` : titles[name]);
      if (WIDE.includes(name)) panel.node.classList.add("wide");
      panel.node.dataset.kind = kind;
      panels.set(kind, panel);
    }
    byId("panels").append(panel.node);
    panel.show(lines, axis === "step" ? "steps" : axis, kind.startsWith("nashconv") ? [["Nash equilibrium", 0]] : []);
  }
  byId("curves").hidden = !any;
}

function alone(kind) {
  const [run] = runs.values();
  return named(kind, Object.keys(run.curves[kind] ?? {})).map((name, i) => ({
    name: short(kind, name) || (kind.startsWith("nashconv") ? "weights as they are" : ""),
    colour: i % COLOURS,
    dash: i < COLOURS ? 0 : 1,
    points: over(run, run.curves[kind][name]),
  }));
}

// what is told by role is not drawn as a whole as well
function named(kind, names) {
  const parts = names.filter((name) => name && name !== AVERAGE);
  return parts.length ? names.filter((name) => name) : names;
}

// a run of one game need not name it at each baseline
function short(kind, name) {
  return kind === "baseline" ? name.split("/").at(-1) : name;
}

// arms by colour, lines of one arm by dashes, seeds as several lines of the same look
function overlaid(kind, groups) {
  const names = named(kind, [...new Set([...runs.values()].flatMap((run) => Object.keys(run.curves[kind] ?? {})))]);
  return groups.flatMap((own, arm) =>
    names.flatMap((name, i) =>
      own
        .filter((run) => run.curves[kind]?.[name] && !hidden.has(run.id))
        .map((run) => ({
          name: [armName(own), short(kind, name)].filter(Boolean).join(", "),
          run: [run.name, short(kind, name)].filter(Boolean).join(", "),
          colour: arm % COLOURS,
          dash: i % 4,
          faint: own.length > 1,
          points: over(run, run.curves[kind][name]),
        })),
    ),
  );
}

function tables() {
  const found = [...runs.values()].filter((run) => run.table);
  byId("tables").hidden = !found.length;
  fill(byId("table-list"), found.map((run) => table(run)));
}

function table(run) {
  const { rows, games, game, left_out: out } = run.table;
  const head = ["#", "Entrant", "Paid a game", ...rows.map((_, i) => `v ${i + 1}`), "Games", "Forfeits"];
  const body = rows.map((row, i) =>
    el(
      "tr",
      {},
      el("td", { class: "num" }, `${i + 1}`),
      el("th", { scope: "row" }, row.name),
      el("td", { class: "num" }, el("b", {}, signed(row.mean))),
      row.cells.map((cell) =>
        cell === null
          ? el("td", { class: "self", "aria-label": "itself" })
          : el("td", { class: "num", title: plural(cell[2], "game") }, signed(cell[0]), " ", el("span", { class: "pm" }, cell[1] === null ? "" : `± ${number(cell[1])}`)),
      ),
      el("td", { class: "num" }, row.games.toLocaleString("en")),
      el("td", { class: "num" }, row.forfeits ? row.forfeits.toLocaleString("en") : "–"),
    ),
  );
  return el(
    "figure",
    { class: "table" },
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Table of ${run.name}` }, el("table", { class: "board" }, el("thead", {}, el("tr", {}, head.map((text, i) => el("th", { scope: "col", class: i === 1 ? null : "num" }, text)))), el("tbody", {}, body))),
    el("figcaption", {}, `${run.name}: ${plural(games, "game")} of ${game}. Mean payoff a game, against each opponent with half its own 95 % interval over seeds.${out ? ` ${plural(out, "entrant")} more are not shown.` : ""}`),
  );
}

function games() {
  const latest = [...runs.values()].sort((a, b) => (b.since ?? 0) - (a.since ?? 0));
  const all = latest.flatMap((run) => run.games.map((game) => ({ ...game, run })));
  byId("games").hidden = !all.length;
  byId("newest").setAttribute("aria-pressed", String(picked === null));
  if (!all.length) return;
  const own = runs.size > 1;
  keeping(
    byId("game-list"),
    all.slice(0, 40).map((game) => {
      const key = `${game.run.id}/${game.key}`;
      return el(
        "li",
        {},
        el("button", { type: "button", "data-key": key, "aria-current": key === (picked ?? opened) ? "true" : null, onclick: () => pick(key) }, el("span", {}, `${own ? `${game.run.name}: ` : ""}${game.title}`), el("span", { class: "muted" }, (game.payoff || game.ending).replaceAll("-", "−"))),
      );
    }),
  );
  open(picked ?? `${all[0].run.id}/${all[0].key}`);
}

function pick(key) {
  picked = key;
  redraw();
}

async function open(key) {
  if (key === opened) return;
  opened = key;
  const answer = await fetch(`game/${key.split("/").map(encodeURIComponent).join("/")}`);
  // another may have been asked for while this one was on its way
  if (opened !== key) return;
  const game = await answer.json();
  fill(byId("game"), answer.ok ? story(game) : el("p", { class: "muted" }, game.fault));
  for (const button of document.querySelectorAll("#game-list button")) button.toggleAttribute("aria-current", button.dataset.key === key);
}

byId("newest").addEventListener("click", () => {
  picked = null;
  redraw();
});
byId("axes").addEventListener("change", (event) => {
  axis = event.target.value;
  redraw();
});
// times go on while nothing comes
setInterval(() => runs.size && cards(), 5000);
