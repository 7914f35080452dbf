// Pieces that both pages are made of. Text goes in as text: nothing here reads markup.
"use strict";

export function el(name, given = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "class") made.className = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...inside.flat(Infinity).filter((part) => part !== null && part !== undefined && part !== false));
  return made;
}

export function fill(place, ...inside) {
  place.replaceChildren(...inside.flat(Infinity).filter((part) => part !== null && part !== undefined && part !== false));
}

export function byId(id) {
  return document.getElementById(id);
}

export function number(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
}

export function signed(value, digits = 3) {
  const text = number(value, digits);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

export function compact(value) {
  for (const [unit, ending] of [[1e9, " G"], [1e6, " M"], [1e3, " k"]])
    if (Math.abs(value) >= unit) return `${Number((value / unit).toPrecision(3))}${ending}`;
  return `${Number(value.toPrecision(3))}`.replace("-", "−");
}

export function ago(seconds) {
  if (seconds < 5) return "now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

export function chip(text, looks = "") {
  return el("span", { class: `chip ${looks}`.trim() }, text);
}

// A game to read. Thoughts stay folded until somebody asks for one.
export function story(game, extra = () => null) {
  const turns = game.turns.map((turn, index) =>
    el(
      "li",
      { class: "turn" },
      el(
        "p",
        { class: "who" },
        el("b", {}, turn.seat),
        turn.player ? el("span", { class: "muted" }, ` ${turn.player}`) : null,
        turn.how ? el("span", { class: "muted" }, ` · ${turn.how}`) : null,
      ),
      turn.heard.map(([speaker, text]) =>
        speaker === "system"
          ? el("details", { class: "rules" }, el("summary", {}, "Rules"), el("pre", {}, text))
          : el("pre", { class: "heard" }, text),
      ),
      turn.thought
        ? el("details", { class: "thought" }, el("summary", {}, "Thought (seen by nobody else)"), el("pre", {}, turn.thought))
        : null,
      el("pre", { class: "move" }, turn.said || "(an empty reply)"),
      turn.credits.length
        ? el("p", { class: "credits" }, turn.credits.map(([name, amount]) => [chip(`${name} ${amount.replace("-", "−")}`), " "]))
        : null,
      extra(turn, index),
    ),
  );
  return [
    el("h3", {}, game.title),
    game.about ? el("p", { class: "muted small" }, game.about) : null,
    el("ol", { class: "turns" }, turns),
    game.verdicts.length
      ? el("details", { class: "verdicts" }, el("summary", {}, `${game.verdicts.length} verdict${game.verdicts.length > 1 ? "s" : ""}`), el("ol", {}, game.verdicts.map((text) => el("li", {}, text))))
      : null,
    game.notes.length ? el("p", { class: "notes" }, game.notes.map((text) => [chip(text), " "])) : null,
    game.ending ? el("p", { class: "end" }, el("b", {}, game.ending)) : null,
    game.payoff ? el("p", { class: "payoffs" }, game.payoff.split(", ").map((text) => [chip(text.replace("-", "−")), " "])) : null,
    game.trained.length
      ? el("details", { class: "trained" }, el("summary", {}, "What was trained on it"), el("ul", {}, game.trained.map((text) => el("li", {}, text))))
      : null,
  ];
}

// Events of the server; the browser comes back by itself when the connection breaks.
export function follow(address, hear, tell) {
  let source = null;
  function open() {
    source = new EventSource(address);
    source.onopen = () => tell("live");
    source.onerror = () => {
      tell("lost");
      // closed for good after an answer that was no stream: tried again here
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 2000);
    };
    for (const kind of ["whole", "news"]) source.addEventListener(kind, (event) => hear(kind, JSON.parse(event.data)));
  }
  open();
}
