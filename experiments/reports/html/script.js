"use strict";
// Tables sort and filter, charts show values; without this script all of them can still be read.
(() => {
  const tip = document.getElementById("tip");

  const tell = (text, x, y) => {
    if (!text) { tip.hidden = true; return; }
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = Math.min(Math.max(6, x + 14), innerWidth - box.width - 6);
    const top = y + 16 + box.height > innerHeight ? y - box.height - 12 : y + 16;
    tip.style.left = `${left}px`;
    tip.style.top = `${Math.max(6, top)}px`;
  };

  // A chart keeps a line of text for each value: its place, the number of its series, what is said of it.
  const read = (chart) => {
    const [dx, dy] = chart.dataset.offset.split(" ").map(Number);
    const names = chart.dataset.series.split("\n");
    return chart.dataset.hover.split("\n").filter(Boolean).map((line) => {
      const [, x, y, series, said] = line.match(/^(\S+) (\S+) (\S+) (.*)$/s);
      return { x: Number(x) + dx, y: Number(y) + dy, said: `${names[series]}\n${said}`, series: Number(series) };
    });
  };

  const NEAR = 36;
  for (const chart of document.querySelectorAll(".chart")) {
    let values = null, at = -1;
    const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    ring.setAttribute("r", 7);
    ring.setAttribute("class", "ring");
    const show = (i) => {
      at = i;
      if (i < 0) { ring.remove(); tell(""); return; }
      const value = values[i], place = new DOMPoint(value.x, value.y).matrixTransform(chart.getScreenCTM());
      ring.setAttribute("cx", value.x);
      ring.setAttribute("cy", value.y);
      chart.append(ring);
      tell(value.said, place.x, place.y);
    };
    const look = (event) => {
      values ??= read(chart);
      const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
      let best = -1, least = NEAR ** 2;
      values.forEach((value, i) => {
        const far = (value.x - place.x) ** 2 + (value.y - place.y) ** 2;
        if (far < least) { least = far; best = i; }
      });
      show(best);
    };
    chart.addEventListener("pointermove", look);
    chart.addEventListener("pointerdown", look);
    chart.addEventListener("pointerleave", () => show(-1));
    chart.addEventListener("blur", () => show(-1));
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      values ??= read(chart);
      if (!step || !values.length) return;
      event.preventDefault();
      show((at + step + values.length) % values.length);
    });
  }

  for (const piece of document.querySelectorAll("[data-tip]")) {
    piece.addEventListener("pointermove", (event) => tell(piece.dataset.tip, event.clientX, event.clientY));
    piece.addEventListener("pointerleave", () => tell(""));
    piece.addEventListener("focus", () => {
      const box = piece.getBoundingClientRect();
      tell(piece.dataset.tip, box.left, box.bottom);
    });
    piece.addEventListener("blur", () => tell(""));
  }
  addEventListener("scroll", () => tell(""), { passive: true });

  const order = new Intl.Collator("en", { numeric: true });
  for (const sheet of document.querySelectorAll(".sheet")) {
    const body = sheet.querySelector("tbody"), heads = [...sheet.querySelectorAll("thead th")], rows = [...body.rows];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const numeric = rows.some((row) => row.cells[column].dataset.v);
        const key = (row) => {
          const cell = row.cells[column];
          return numeric ? Number(cell.dataset.v || NaN) : cell.textContent;
        };
        const keyed = rows.map((row) => [key(row), row]);
        keyed.sort(([one], [other]) => {
          if (!numeric) return (down ? -1 : 1) * order.compare(one, other);
          const gaps = Number.isNaN(one) - Number.isNaN(other);
          return gaps || (Number.isNaN(one) || one === other ? 0 : (down ? -1 : 1) * (one < other ? -1 : 1));
        });
        body.append(...keyed.map(([, row]) => row));
      });
    });
    if (!sheet.hasAttribute("data-filter")) continue;
    const bar = document.createElement("label"), field = document.createElement("input"), count = document.createElement("span");
    bar.className = "filter";
    field.type = "search";
    field.placeholder = "words that a row must have";
    count.textContent = `${rows.length} rows`;
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      count.textContent = `${shown} of ${rows.length} rows`;
    });
    bar.append("Filter ", field, count);
    sheet.prepend(bar);
  }
})();
