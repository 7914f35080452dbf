"use strict";
// Dialogs follow the address (#cell-0-1), so links, the back button and bookmarks all open games.
const numbers = JSON.parse(document.getElementById("numbers").textContent);

let opener = null; // what had the focus before a dialog opened

function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const dialog = target instanceof HTMLDialogElement ? target : null;
  for (const other of document.querySelectorAll("dialog[open]")) if (other !== dialog) other.close();
  if (dialog && !dialog.open) {
    dialog.showModal();
    dialog.scrollTop = 0;
  }
}

function leave(dialog) {
  if (location.hash !== "#" + dialog.id) return; // another one took its place
  history.replaceState(null, "", location.href.split("#")[0] + "#");
  if (opener) opener.focus();
}

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => leave(dialog));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.querySelector(".close").addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
  for (const link of document.querySelectorAll(`a[href="#${dialog.id}"]`)) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      if (!link.closest("dialog")) opener = link;
      history.pushState(null, "", link.hash);
      follow();
    });
  }
}
addEventListener("popstate", follow);
follow();

// The values under the pointer (or the arrow keys), written as text below a chart.
function reader(plot) {
  const chart = numbers.charts[Number(plot.dataset.chart)];
  const readout = plot.querySelector(".readout");
  const xs = [...new Set(chart.series.flatMap((series) => series.points.map((point) => point[0])))].sort((a, b) => a - b);
  let at = xs.length - 1;

  function near(points, x) {
    return points.reduce((best, point) => (Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best), points[0]);
  }
  function show(svg) {
    const [low, high, start, end] = svg.dataset.x.split(" ").map(Number);
    const x = xs[at];
    const pixel = start + ((x - low) / (high - low || 1)) * (end - start);
    const cursor = svg.querySelector(".cursor");
    cursor.setAttribute("x1", pixel);
    cursor.setAttribute("x2", pixel);
    svg.classList.add("live");
    const values = chart.series
      .filter((series) => series.points.length)
      .map((series) => `${series.name} ${near(series.points, x)[1].toPrecision(4).replace("-", "−")}`);
    readout.textContent = `${chart.x} ${Math.round(x).toLocaleString("en")}: ${values.join(" · ")}`;
  }
  for (const svg of plot.querySelectorAll("svg[data-x]")) {
    svg.tabIndex = 0;
    svg.addEventListener("pointermove", (event) => {
      const [low, high, start, end] = svg.dataset.x.split(" ").map(Number);
      const box = svg.getBoundingClientRect();
      const pixel = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      const x = low + ((pixel - start) / (end - start)) * (high - low);
      at = xs.reduce((best, value, i) => (Math.abs(value - x) < Math.abs(xs[best] - x) ? i : best), 0);
      show(svg);
    });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      at = Math.min(xs.length - 1, Math.max(0, at + step));
      show(svg);
    });
    svg.addEventListener("pointerleave", () => {
      svg.classList.remove("live");
      readout.textContent = "";
    });
  }
}
document.querySelectorAll(".plot").forEach(reader);
