// The table: who sits where, what a seat is shown, its move, and all of it afterwards.
"use strict";
import { byId, chip, el, fill, follow, signed, story } from "./parts.js";

const PIECES = { k: "♚", q: "♛", r: "♜", b: "♝", n: "♞", p: "♟" };
const NAMES = { k: "king", q: "queen", r: "rook", b: "bishop", n: "knight", p: "pawn" };
const SUITS = { s: "♠", h: "♥", d: "♦", c: "♣" };
let key = location.hash.slice(1);
let lobby = null;
let state = null;
let from = null; // the square that a chess move begins on
let shown = 0; // the ask whose choices have had the focus

addEventListener("hashchange", () => location.reload());
start();

async function start() {
  lobby = await (await fetch("lobby")).json();
  byId("title").textContent = lobby.game;
  byId("about").textContent = lobby.about;
  if (key) sit();
  else choose();
}

async function post(what, data) {
  const answer = await fetch(`do/${what}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data) });
  const told = await answer.json();
  byId("fault").hidden = answer.ok;
  byId("fault").textContent = answer.ok ? "" : told.fault;
  return answer.ok ? told : null;
}

// The lobby: somebody for every seat.
function choose() {
  byId("link").hidden = true;
  const seats = lobby.seats.map(([seat, who], i) => {
    const person = who === lobby.person || (!lobby.seats.some(([, other]) => other === lobby.person) && i === 0);
    const pick = el("select", { name: seat, id: `seat-${i}` }, [lobby.person, ...lobby.entrants].map((name) => el("option", { value: name, selected: person ? name === lobby.person : name === who }, name)));
    return el("div", { class: "field" }, el("label", { for: `seat-${i}` }, seat), pick);
  });
  const seed = el("input", { id: "seed", inputmode: "numeric", pattern: "[0-9]*", placeholder: "drawn by chance", autocomplete: "off" });
  const fault = el("p", { class: "notice alarm", role: "alert", hidden: true });
  const form = el(
    "form",
    { class: "sheet lobby" },
    el("h2", { class: "small-title" }, "Who sits where"),
    seats,
    el("div", { class: "field" }, el("label", { for: "seed" }, "Seed of cards and dice"), seed),
    el("button", { class: "primary", type: "submit" }, "Begin the game"),
    fault,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = Object.fromEntries(lobby.seats.map(([seat], i) => [seat, byId(`seat-${i}`).value]));
    const told = await begin(chosen, seed.value.trim() ? Number(seed.value) : null);
    fault.hidden = told === null;
    fault.textContent = told ?? "";
  });
  byId("lobby").hidden = false;
  fill(byId("lobby"), form);
}

// Opens a table and goes there; returns what is wrong, or null.
async function begin(seats, seed) {
  const answer = await fetch("do/open", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ seats, seed }) });
  const told = await answer.json();
  if (!answer.ok) return told.fault;
  location.hash = Object.values(told.keys)[0];
  return null;
}

function sit() {
  byId("table").hidden = false;
  byId("status").textContent = "The table is being laid …";
  follow(`events?key=${encodeURIComponent(key)}`, hear, (link) => {
    byId("link").textContent = link === "live" ? "live" : "connection lost, trying again …";
    byId("link").className = `chip ${link === "live" ? "fine" : "bad"}`;
  });
}

function hear(kind, told) {
  const before = state?.ask?.number;
  state = told;
  if (state.ask?.number !== before) from = null;
  draw();
}

function draw() {
  const { ask, over, seat } = state;
  const others = state.seats.filter(([name]) => name !== seat);
  byId("status").textContent = over ? ended() : ask ? `Your move, ${seat}.` : `Waiting for ${others.map(([name, who]) => (who === lobby.person ? name : who)).join(", ")} …`;
  document.title = `${ask ? "● " : ""}${over ? "Over" : ask ? "Your move" : "Waiting"} · ${state.game}`;
  fill(byId("board"), state.board ? board(state.board) : null);
  fill(byId("choices"), ask ? choices(ask) : null);
  share();
  messages();
  after();
  focus();
}

function ended() {
  const { payoff, kind, reason } = state.over;
  if (reason) return `The game could not be played: ${reason}`;
  const own = payoff[state.seat];
  if (own === undefined) return kind === "error" ? "The game broke off by a fault; nobody is paid." : "The game is over.";
  return `The game is over: ${own > 0 ? "you won" : own < 0 ? "you lost" : "you are paid"} ${own === 0 ? "nothing" : signed(Math.abs(own), 2).replace("+", "")}.`;
}

async function move(text) {
  if (!state.ask) return;
  await post("move", { key, number: state.ask.number, text });
}

function choices(ask) {
  if (!ask.listed) return free();
  const made = ask.choices.map((choice, i) =>
    el("button", { type: "button", class: "choice", onclick: () => move(choice) }, choice, i < 9 ? el("kbd", { "aria-hidden": "true" }, `${i + 1}`) : null),
  );
  const row = el("div", { class: "choice-row", role: "group", "aria-label": "Your moves" }, made);
  // a board has its squares; the list is there for whoever prefers it
  return state.board && ["squares", "columns", "chess"].includes(state.board.kind) && !(state.board.kind === "chess" && !state.board.moves.length)
    ? el("details", { class: "all-moves" }, el("summary", {}, `All ${ask.choices.length} moves`), row)
    : row;
}

function free() {
  const text = el("textarea", { rows: 4, id: "reply", "aria-label": "Your reply", placeholder: "Your reply. Enter sends it, Shift and Enter begins a new line." });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    move(text.value);
  });
  return el("div", { class: "free" }, text, el("button", { type: "button", class: "primary", onclick: () => move(text.value) }, "Send"));
}

function board(told) {
  return { squares, columns, chess, cards }[told.kind](told);
}

function squares({ rows, moves }) {
  return el(
    "div",
    { class: "squares", role: "group", "aria-label": "Board" },
    rows.flatMap((row, r) =>
      row.map((mark, c) => {
        const choice = state.ask ? moves[r][c] : null;
        const where = `row ${r + 1}, column ${c + 1}`;
        return el("button", { type: "button", class: `square ${mark.toLowerCase()}`, disabled: !choice, "aria-label": mark ? `${where}: ${mark.toUpperCase()}` : `${where}: free`, onclick: () => move(choice) }, mark.toUpperCase());
      }),
    ),
  );
}

function columns({ rows, moves }) {
  const drops = moves.map((choice, c) =>
    el("button", { type: "button", class: "drop", disabled: !choice || !state.ask, "aria-label": `Drop in column ${c + 1}`, onclick: () => move(choice) }, "▼"),
  );
  const cells = rows.flatMap((row) => row.map((mark) => el("span", { class: `hole ${mark || "none"}` })));
  const told = rows.map((row) => row.map((mark) => mark || "free").join(" ")).join("; ");
  return el("div", { class: "columns" }, drops, el("div", { class: "holes", role: "img", "aria-label": `Board, from the top row: ${told}` }, cells));
}

function chess({ rows, white, moves }) {
  const ranks = white ? [0, 1, 2, 3, 4, 5, 6, 7] : [7, 6, 5, 4, 3, 2, 1, 0];
  const files = white ? [0, 1, 2, 3, 4, 5, 6, 7] : [7, 6, 5, 4, 3, 2, 1, 0];
  const to = moves.filter(([start]) => start === from);
  const squaresMade = ranks.flatMap((r) =>
    files.map((f) => {
      const name = `${"abcdefgh"[f]}${8 - r}`;
      const piece = rows[r][f];
      const here = to.filter(([, end]) => end === name);
      const starts = moves.some(([start]) => start === name);
      const whose = piece ? (piece === piece.toUpperCase() ? "white" : "black") : "";
      const looks = ["field-square", (r + f) % 2 ? "dark" : "light", name === from ? "from" : "", here.length ? "to" : ""].join(" ").trim();
      return el(
        "button",
        {
          type: "button",
          class: looks,
          disabled: !state.ask || !(here.length || starts),
          "data-square": name,
          "aria-label": `${name}${piece ? `, ${whose} ${NAMES[piece.toLowerCase()]}` : ""}${here.length ? ", move here" : ""}`,
          onclick: () => touch(name, here),
        },
        piece ? el("span", { class: `piece ${whose}` }, `${PIECES[piece.toLowerCase()]}\uFE0E`) : "",
      );
    }),
  );
  return el("div", { class: "chess", role: "group", "aria-label": `Board, ${white ? "white" : "black"} below` }, squaresMade);
}

function touch(name, here) {
  // of several pieces that a pawn may become, the queen; others stand in the list
  if (here.length) return move((here.find(([, , text]) => text.endsWith("q")) ?? here[0])[2]);
  from = from === name ? null : name;
  draw();
  document.querySelector(`[data-square="${name}"]`)?.focus();
}

function cards({ hand, open, facts, pot }) {
  const row = (title, held) => (held.length ? el("div", { class: "held" }, el("span", { class: "muted small" }, title), el("div", { class: "card-row" }, held.map(card))) : null);
  return el(
    "div",
    { class: "cards-board" },
    row("Your hand", hand),
    row("On the table", open),
    pot ? el("div", { class: "pot" }, el("span", { class: "muted small" }, "Pot"), el("b", {}, `${pot[0] + pot[1]}`), el("span", { class: "muted small" }, `you ${pot[0]}, other ${pot[1]}`)) : null,
    facts.length ? el("dl", { class: "facts small" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))) : null,
  );
}

function card(text) {
  const suit = SUITS[text.slice(-1)] && text.length > 1 ? SUITS[text.slice(-1)] : "";
  const rank = suit ? text.slice(0, -1) : text;
  return el("span", { class: `playing-card ${"♥♦".includes(suit || "-") ? "red" : ""}`.trim(), role: "img", "aria-label": text }, el("b", {}, rank), suit ? el("span", {}, suit) : null);
}

function share() {
  const links = Object.entries(state.share).map(([seat, other]) => {
    const address = `${location.origin}${location.pathname}#${other}`;
    return el("p", { class: "small" }, `For the person who plays ${seat}: `, el("a", { href: address, target: "_blank", rel: "noopener" }, `the seat of ${seat}`), ". Only they should open it: it shows what they see.");
  });
  fill(byId("share"), links.length && !state.over ? el("div", { class: "notice note" }, links) : null);
}

function messages() {
  fill(
    byId("messages"),
    state.messages.map(([speaker, text]) =>
      el(
        "li",
        { class: "turn" },
        speaker === "system"
          ? el("details", { class: "rules", open: state.messages.length < 3 }, el("summary", {}, "Rules"), el("pre", {}, text))
          : [el("p", { class: "who small muted" }, speaker === "self" ? "you" : speaker), el("pre", { class: speaker === "self" ? "move" : "heard" }, text)],
      ),
    ),
  );
}

// The first choice has the focus once, so that keys alone play a whole game.
function focus() {
  if (!state.ask || shown === state.ask.number) return;
  shown = state.ask.number;
  const first = document.querySelector("#board button:not(:disabled), #choices > .choice-row button, #choices textarea");
  first?.focus({ preventScroll: true });
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  const choice = /^[1-9]$/.test(event.key) && state?.ask?.listed && !document.querySelector(".all-moves") ? state.ask.choices[Number(event.key) - 1] : null;
  if (choice) move(choice);
});

let told = null;
function after() {
  if (!state.over) return;
  const now = JSON.stringify([state.over.kept, state.over.agreed]);
  if (told === now) return;
  told = now;
  const { story: game, kept, agreed } = state.over;
  fill(
    byId("after"),
    el("div", { class: "again" }, el("button", { type: "button", class: "primary", id: "again", onclick: () => again(false) }, "Play again"), el("button", { type: "button", class: "quiet", id: "swap", onclick: () => again(true) }, "Swap seats"), el("a", { href: "./" }, "Other players")),
    game ? keeping(kept, agreed) : null,
    game ? el("section", { class: "afterwards" }, el("h2", {}, "The game, all of it"), el("p", { class: "caption" }, "What every seat saw, thought and said. Bars: how likely each move was to the player who made it."), el("div", { class: "sheet" }, story(game, bars))) : null,
  );
}

function bars(turn) {
  if (!turn.odds) return null;
  const said = turn.said.trim();
  return el(
    "ul",
    { class: "odds", "aria-label": "How likely each move was" },
    [...turn.odds]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 8)
      .map(([choice, p]) =>
        el("li", { class: choice === said ? "said" : null }, el("span", {}, choice), el("meter", { min: 0, max: 1, value: p, "aria-label": choice }), el("span", { class: "num" }, `${(100 * p).toFixed(p > 0 && p < 0.0995 ? 1 : 0)} %`)),
      ),
  );
}

function keeping(kept, agreed) {
  if (kept) return el("p", { class: "notice note", id: "kept" }, el("strong", {}, "In the store: "), `${kept}. \`sparring report\` rates it.`);
  if (agreed) return el("p", { class: "notice note" }, `Your word is given, ${agreed}; the game is kept once the others give theirs.`);
  const name = el("input", { id: "name", maxlength: 40, autocomplete: "nickname", required: true, value: remembered() });
  const fault = el("p", { class: "notice alarm", role: "alert", hidden: true });
  const form = el(
    "form",
    { class: "sheet keep" },
    el("h2", { class: "small-title" }, "Keep it as a rated game?"),
    el("p", { class: "small muted" }, `Only if you say so: the game, with all moves, goes into ${lobby.store} under the name that you give.`),
    el("div", { class: "field" }, el("label", { for: "name" }, "Your name in the ratings"), name),
    el("button", { type: "submit", class: "quiet" }, "Keep this game"),
    fault,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch("do/keep", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key, name: name.value }) });
    sessionStorage.setItem("name", name.value);
    fault.hidden = answer.ok;
    if (!answer.ok) fault.textContent = (await answer.json()).fault;
  });
  return form;
}

function remembered() {
  return sessionStorage.getItem("name") ?? "";
}

// The same people and players once more, with new chance; swapped, everybody moves up one seat.
async function again(swapped) {
  const who = state.seats.map(([, name]) => name);
  if (swapped) who.push(who.shift());
  const fault = await begin(Object.fromEntries(state.seats.map(([seat], i) => [seat, who[i]])), null);
  if (fault) byId("status").textContent = fault;
}
