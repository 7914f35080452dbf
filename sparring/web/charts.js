// Curves as SVG, as wide as their place. Looks come from the report's classes.
"use strict";
import { compact, el, number } from "./parts.js";

const SPACE = "http://www.w3.org/2000/svg";

function svg(name, given, ...inside) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(given)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

export function ticks(low, high, about) {
  if (!(high > low)) return [low];
  const raw = (high - low) / about;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * unit).find((s) => s >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++) found.push(Number((i * step).toPrecision(12)));
  return found.length > 1 ? found : [low, high];
}

function words(values) {
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) : 1;
  if (Math.max(...values.map(Math.abs)) >= 1000) return values.map(compact);
  let digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1;
  return values.map((value) => (value === 0 ? "0" : number(value, digits)));
}

// A panel: title, picture, legend and what stands under the pointer.
export class Panel {
  constructor(title) {
    this.lines = [];
    this.at = null;
    this.plot = el("div", { class: "plot" });
    this.legend = el("ul", { class: "legend" });
    this.readout = el("output", { class: "readout", "aria-live": "polite" });
    this.node = el("figure", { class: "live-figure" }, el("h3", {}, title), this.plot, this.legend, this.readout);
    this.title = title;
    this.width = 0;
    new ResizeObserver(([entry]) => {
      const width = Math.round(entry.contentRect.width);
      if (width && width !== this.width) {
        this.width = width;
        this.draw();
      }
    }).observe(this.plot);
  }

  // lines: {name, colour, dash, points, faint}; of one name only the first is in the legend
  show(lines, xName, references = []) {
    this.lines = lines.filter((line) => line.points.length);
    this.xName = xName;
    this.references = references;
    this.draw();
  }

  draw() {
    if (!this.width || !this.lines.length) return;
    const width = this.width;
    const height = this.node.classList.contains("wide") ? (width < 560 ? 260 : 320) : 190;
    const all = this.lines.flatMap((line) => line.points);
    const xs = all.map((point) => point[0]);
    const ys = all.map((point) => point[1]).concat(this.references.map(([, value]) => value));
    let [left, right] = [Math.min(...xs), Math.max(...xs)];
    if (left >= 0 && left < 0.1 * right) left = 0;
    let [low, high] = [Math.min(...ys), Math.max(...ys)];
    // differences that no reader should take for something: a flat line is shown as flat
    const least = Math.max(Math.abs(high), Math.abs(low)) * 0.1 || 0.5;
    if (high - low < least) [low, high] = [(low + high - least) / 2, (low + high + least) / 2];
    const room = (high - low) * 0.06;
    if (low < 0 || low - room > 0) low -= room;
    high += room;

    const [start, end] = [48, width - 12];
    const [floor, ceiling] = [height - 38, 10];
    const x = (value) => start + ((value - left) / (right - left || 1)) * (end - start);
    const y = (value) => floor + ((value - low) / (high - low || 1)) * (ceiling - floor);
    this.scale = { x, left, right, start, end };

    const parts = [];
    const rows = ticks(low, high, height > 250 ? 6 : 3).filter((value) => value >= low && value <= high);
    words(rows).forEach((text, i) => {
      parts.push(svg("line", { x1: start, x2: end, y1: y(rows[i]), y2: y(rows[i]), class: "grid" }));
      parts.push(svg("text", { x: start - 7, y: y(rows[i]), class: "tick", "text-anchor": "end" }, text));
    });
    const columns = ticks(left, right, Math.max(2, Math.floor((end - start) / 90)));
    words(columns).forEach((text, i) => {
      const anchor = x(columns[i]) > end - 12 ? "end" : "middle";
      parts.push(svg("text", { x: x(columns[i]), y: floor + 15, class: "tick", "text-anchor": anchor }, text));
    });
    parts.push(svg("line", { x1: start, x2: end, y1: floor, y2: floor, class: "axis" }));
    parts.push(svg("text", { x: (start + end) / 2, y: floor + 31, class: "axis-name", "text-anchor": "middle" }, this.xName));
    for (const [name, value] of this.references) {
      parts.push(svg("line", { x1: start, x2: end, y1: y(value), y2: y(value), class: "reference" }));
      parts.push(svg("text", { x: end, y: y(value) - 8, class: "label muted", "text-anchor": "end" }, name));
    }
    for (const line of this.lines) {
      const d = line.points.map((p, i) => `${i ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("");
      parts.push(svg("path", { d, class: `line c${line.colour} d${line.dash}${line.faint ? " faint" : ""}` }));
      // where the line is now
      const last = line.points.at(-1);
      parts.push(svg("circle", { cx: x(last[0]), cy: y(last[1]), r: 3, class: `f${line.colour}` }));
    }
    this.cursor = svg("line", { x1: 0, x2: 0, y1: ceiling, y2: floor, class: "cursor" });
    parts.push(this.cursor);

    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", tabindex: 0, "aria-label": this.told() }, ...parts);
    this.listen(picture);
    const focused = this.plot.contains(document.activeElement);
    this.plot.replaceChildren(picture);
    if (focused) picture.focus();
    this.name();
    if (this.at !== null) this.read(this.at);
  }

  told() {
    return `${this.title}. ${this.means().map((line) => `${line.name || "value"}: ${number(line.last)}`).join("; ")}`;
  }

  // the last value of each name: of several seeds their mean
  means() {
    const found = new Map();
    for (const line of this.lines) {
      if (!found.has(line.name)) found.set(line.name, { ...line, values: [] });
      found.get(line.name).values.push(line.points.at(-1)[1]);
    }
    return [...found.values()].map((line) => ({ ...line, last: line.values.reduce((a, b) => a + b, 0) / line.values.length }));
  }

  name() {
    this.legend.replaceChildren(
      ...this.means().map((line) =>
        el(
          "li",
          {},
          el("span", { class: `swatch line-swatch b${line.colour} d${line.dash}` }),
          line.name,
          el("b", { class: "num" }, this.short(line.last)),
          line.values.length > 1 ? el("span", { class: "muted" }, `mean of ${line.values.length}`) : null,
        ),
      ),
    );
  }

  short(value) {
    return Math.abs(value) >= 1000 ? compact(value) : number(value, Math.abs(value) >= 100 ? 0 : 3);
  }

  listen(picture) {
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const { left, right, start, end } = this.scale;
      const pixel = ((event.clientX - box.left) / box.width) * this.width;
      this.read(left + ((pixel - start) / (end - start)) * (right - left));
    });
    picture.addEventListener("pointerleave", () => this.leave());
    picture.addEventListener("blur", () => this.leave());
    picture.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const { left, right } = this.scale;
      this.read(Math.min(right, Math.max(left, (this.at ?? right) + (step * (right - left)) / 40)));
    });
  }

  leave() {
    this.at = null;
    this.readout.textContent = "";
    this.plot.classList.remove("live");
  }

  read(at) {
    this.at = at;
    const near = (points) => points.reduce((best, p) => (Math.abs(p[0] - at) < Math.abs(best[0] - at) ? p : best));
    const found = this.lines.slice(0, 8).map((line) => ({ line, point: near(line.points) }));
    const pixel = this.scale.x(found[0].point[0]);
    this.cursor.setAttribute("x1", pixel);
    this.cursor.setAttribute("x2", pixel);
    this.plot.classList.add("live");
    const told = found.map(({ line, point }) => `${line.run || line.name} ${this.short(point[1])}`.trim());
    this.readout.textContent = `${this.xName} ${compact(found[0].point[0])}: ${told.join(" · ")}`;
  }
}
