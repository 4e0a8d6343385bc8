// Charts: drawn from the page's numbers, in place of the fixed figure. Toggle methods, choose axes, drag to zoom.
"use strict";
(() => {
  const source = document.getElementById("charts");
  if (!source) return;
  const charts = JSON.parse(source.textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const MARGIN = { left: 62, right: 14, top: 10, bottom: 40 };
  const HEIGHT = 330;
  const MOST_MARKERS = 1500;
  const COLOURS = 10;
  // The shapes of the fixed figures, in their order: circle, square, diamond, up, down, plus, cross, left, right, star, thin diamond.
  const SHAPES = [
    "M-3,0a3,3 0 1,0 6,0a3,3 0 1,0 -6,0Z", "M-3,-3H3V3H-3Z", "M0,-4L4,0L0,4L-4,0Z", "M0,-4L4,3H-4Z", "M0,4L4,-3H-4Z",
    "M-1,-4H1V-1H4V1H1V4H-1V1H-4V-1H-1Z", "M-4,-3L-3,-4L0,-1L3,-4L4,-3L1,0L4,3L3,4L0,1L-3,4L-4,3L-1,0Z",
    "M-4,0L3,-4V4Z", "M4,0L-3,-4V4Z", "M0,-5L1.5,-1.5L5,-1.5L2,1L3,4.5L0,2.4L-3,4.5L-2,1L-5,-1.5L-1.5,-1.5Z",
    "M0,-5L2,0L0,5L-2,0Z",
  ];
  const DASHES = ["", "6 3", "1.5 2.5", "8 2 1.5 2"];

  const node = (name, attributes = {}, text = null) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== null) made.textContent = text;
    return made;
  };
  const button = (text, act) => {
    const made = document.createElement("button");
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };
  const colour = (row) => `var(--hue-${row % COLOURS})`;
  const format = (value) => {
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1).replace("e+", "e");
    return Number(value.toPrecision(4)).toLocaleString("en");
  };
  const linearTicks = (low, high, count) => {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((multiple) => multiple * power >= rough);
    const ticks = [];
    for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at += 1) ticks.push(at * step);
    return ticks;
  };
  const logTicks = (low, high) => {
    const ticks = [];
    for (let power = Math.floor(low); power <= high; power += 1) {
      for (const digit of [1, 2, 5]) {
        const at = power + Math.log10(digit);
        if (at >= low && at <= high && (digit === 1 || high - low < 2)) ticks.push(10 ** at);
      }
    }
    return ticks;
  };

  class Chart {
    constructor(figure, data) {
      this.figure = figure;
      this.data = data;
      this.state = { x: 0, y: 0, log: false, seed: null, hidden: new Set(), view: null };
      this.controls = document.createElement("div");
      this.controls.className = "bar";
      this.canvas = node("svg", { class: "live", tabindex: "0", role: "img" });
      this.readout = document.createElement("p");
      this.readout.className = "soft readout";
      this.buildControls();
      const fixed = figure.querySelector(".fixed");
      fixed.before(this.legend(), this.controls, this.canvas, this.readout);
      fixed.hidden = true;
      this.state.log = this.wantsLog();
      this.logBox.checked = this.state.log;
      this.listen();
      this.draw();
    }

    buildControls() {
      const { x, y, lines } = this.data;
      const seeds = [...new Set(lines.map((line) => line.seed))].sort((a, b) => a - b);
      this.controls.append(
        this.select("Against ", x, (at) => { this.state.x = at; this.state.view = null; }),
        ...(y.length > 1 ? [this.select("Show ", y, (at) => this.show(at))] : []),
        this.select("Seeds ", ["all", ...seeds], (at) => { this.state.seed = at ? seeds[at - 1] : null; }),
      );
      this.logBox = document.createElement("input");
      this.logBox.type = "checkbox";
      this.logBox.addEventListener("change", () => { this.state.log = this.logBox.checked; this.state.view = null; this.draw(); });
      const label = document.createElement("label");
      label.append(this.logBox, " log");
      this.controls.append(label, button("Zoom in", () => this.zoom(0.5)), button("Zoom out", () => this.zoom(2)), button("Reset", () => this.look(null)));
    }

    select(text, names, change) {
      const label = document.createElement("label");
      const select = document.createElement("select");
      names.forEach((name, at) => select.add(new Option(name, at)));
      select.addEventListener("change", () => { change(Number(select.value)); this.draw(); });
      label.append(text, select);
      return label;
    }

    legend() {
      const used = [...new Set(this.data.lines.map((line) => line.row))].sort((a, b) => a - b);
      const legend = document.createElement("div");
      legend.className = "legend";
      this.toggles = used.map((row) => {
        const swatch = node("svg", { viewBox: "-14 -6 28 12", width: 28, height: 12, "aria-hidden": "true" });
        swatch.append(
          node("path", { d: "M-14,0H14", stroke: colour(row), "stroke-width": 1.5, "stroke-dasharray": DASHES[Math.floor(row / COLOURS) % DASHES.length] }),
          node("path", { d: SHAPES[row % SHAPES.length], fill: colour(row) }),
        );
        const toggle = button("", () => this.toggle(row));
        toggle.append(swatch, ` ${this.data.rows[row]}`);
        toggle.dataset.row = row;
        return toggle;
      });
      const all = button("all", () => { this.state.hidden.clear(); this.draw(); });
      const none = button("none", () => { this.state.hidden = new Set(used); this.draw(); });
      legend.append(...this.toggles, all, none);
      return legend;
    }

    toggle(row) {
      if (!this.state.hidden.delete(row)) this.state.hidden.add(row);
      this.draw();
    }

    lines() {
      const { hidden, seed } = this.state;
      return this.data.lines.filter((line) => !hidden.has(line.row) && (seed === null || line.seed === seed));
    }

    // Points as [x, y] on the axes' scales; what has no place there is left out.
    points(line) {
      const { x, y, log } = this.state;
      const found = [];
      const [xs, ys] = [line.x[x], line.y[y]];
      for (let i = 0; i < ys.length; i += 1) {
        if (xs[i] !== null && ys[i] !== null && !(log && ys[i] <= 0)) found.push([xs[i], log ? Math.log10(ys[i]) : ys[i]]);
      }
      return found;
    }

    show(quantity) {
      Object.assign(this.state, { y: quantity, view: null });
      this.state.log = this.wantsLog();
      this.logBox.checked = this.state.log;
    }

    wantsLog() {
      const values = this.data.lines.flatMap((line) => line.y[this.state.y]).filter((value) => value !== null);
      let [low, high] = [Infinity, -Infinity];
      for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
      return low > 0 && high / low > 30;
    }

    extent(lines) {
      let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
      for (const line of lines) {
        for (const [x, y] of this.points(line)) {
          x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y);
        }
      }
      if (x0 > x1) return [0, 1, 0, 1];
      const room = [(x1 - x0 || 1) * 0.03, (y1 - y0 || 1) * 0.05];
      return [x0 - room[0], x1 + room[0], y0 - room[1], y1 + room[1]];
    }

    look(view) {
      this.state.view = view;
      this.draw();
    }

    zoom(factor, [dx, dy] = [0, 0]) {
      const [x0, x1, y0, y1] = this.view;
      const [cx, cy] = [(x0 + x1) / 2 + dx * (x1 - x0), (y0 + y1) / 2 + dy * (y1 - y0)];
      const [w, h] = [((x1 - x0) * factor) / 2, ((y1 - y0) * factor) / 2];
      this.look([cx - w, cx + w, cy - h, cy + h]);
    }

    draw() {
      for (const toggle of this.toggles) toggle.setAttribute("aria-pressed", String(!this.state.hidden.has(Number(toggle.dataset.row))));
      const lines = this.lines();
      const width = Math.max(300, Math.min(860, this.figure.clientWidth));
      const [inner, high] = [width - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
      const view = (this.view = this.state.view ?? this.extent(lines));
      this.px = (x) => MARGIN.left + ((x - view[0]) / (view[1] - view[0])) * inner;
      this.py = (y) => MARGIN.top + (1 - (y - view[2]) / (view[3] - view[2])) * high;
      this.inner = inner;
      this.high = high;
      const svg = this.canvas;
      svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      svg.setAttribute("width", width);
      svg.setAttribute("aria-label", `${this.data.y[this.state.y]} against ${this.data.x[this.state.x]}, ${lines.length} runs. Plus and minus zoom, arrows move, 0 resets.`);
      svg.replaceChildren(this.axes(), this.plot(lines));
      svg.dataset.lines = lines.length;
    }

    axes() {
      const group = node("g", { class: "axes" });
      const [x0, x1, y0, y1] = this.view;
      for (const at of linearTicks(x0, x1, Math.max(3, this.inner / 110))) {
        const x = this.px(at);
        group.append(node("path", { d: `M${x},${MARGIN.top}v${this.high}` }), node("text", { x, y: MARGIN.top + this.high + 15, "text-anchor": "middle" }, format(at)));
      }
      const ticks = this.state.log ? logTicks(y0, y1) : linearTicks(y0, y1, 6);
      for (const at of ticks) {
        const y = this.py(this.state.log ? Math.log10(at) : at);
        group.append(node("path", { d: `M${MARGIN.left},${y}h${this.inner}` }), node("text", { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, format(at)));
      }
      group.append(node("text", { x: MARGIN.left + this.inner / 2, y: HEIGHT - 6, "text-anchor": "middle" }, this.data.x[this.state.x]));
      const middle = MARGIN.top + this.high / 2;
      group.append(node("text", { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, this.data.y[this.state.y]));
      return group;
    }

    plot(lines) {
      const frame = node("svg", { x: MARGIN.left, y: MARGIN.top, width: this.inner, height: this.high, class: "plot" });
      const group = node("g", { transform: `translate(${-MARGIN.left} ${-MARGIN.top})` });
      const drawn = lines.map((line) => this.points(line));
      const all = drawn.reduce((sum, points) => sum + points.length, 0) <= MOST_MARKERS;
      this.shown = [];
      lines.forEach((line, place) => {
        const at = drawn[place].map(([x, y]) => [this.px(x), this.py(y)]);
        if (!at.length) return;
        const path = node("path", {
          d: `M${at.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}`, class: "line", stroke: colour(line.row),
          "stroke-dasharray": DASHES[Math.floor(line.row / COLOURS) % DASHES.length],
        });
        const marked = all ? at : at.slice(-1);
        const shape = SHAPES[line.row % SHAPES.length];
        group.append(path);
        for (const [x, y] of marked) group.append(node("path", { d: shape, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, fill: colour(line.row) }));
        at.forEach(([x, y], i) => this.shown.push([x, y, line, drawn[place][i], path]));
      });
      this.band = node("rect", { class: "band", visibility: "hidden" });
      group.append(this.band);
      frame.append(group);
      return frame;
    }

    place(event) {
      const box = this.canvas.getBoundingClientRect();
      const ratio = this.canvas.viewBox.baseVal.width / box.width;
      return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
    }

    listen() {
      let start = null;
      this.canvas.addEventListener("pointerdown", (event) => {
        if (event.pointerType === "touch") return; // a finger scrolls the page; buttons zoom
        start = this.place(event);
        this.canvas.setPointerCapture(event.pointerId);
      });
      this.canvas.addEventListener("pointermove", (event) => {
        const at = this.place(event);
        if (start) this.drag(start, at);
        else this.point(at);
      });
      this.canvas.addEventListener("pointerup", (event) => {
        const [from, to] = [start, this.place(event)];
        start = null;
        this.band.setAttribute("visibility", "hidden");
        if (from && Math.abs(from[0] - to[0]) > 8 && Math.abs(from[1] - to[1]) > 8) this.look(this.chosen(from, to));
      });
      this.canvas.addEventListener("dblclick", () => this.look(null));
      this.canvas.addEventListener("keydown", (event) => {
        const moves = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, 0.2], ArrowDown: [0, -0.2] };
        if (event.key === "+" || event.key === "=") this.zoom(0.5);
        else if (event.key === "-") this.zoom(2);
        else if (event.key === "0") this.look(null);
        else if (event.key in moves) this.zoom(1, moves[event.key]);
        else return;
        event.preventDefault();
      });
    }

    drag(from, to) {
      const [x, y] = [Math.min(from[0], to[0]), Math.min(from[1], to[1])];
      const size = { x, y, width: Math.abs(from[0] - to[0]), height: Math.abs(from[1] - to[1]), visibility: "visible" };
      for (const [key, value] of Object.entries(size)) this.band.setAttribute(key, value);
    }

    chosen(from, to) {
      const x = (at) => this.view[0] + ((at - MARGIN.left) / this.inner) * (this.view[1] - this.view[0]);
      const y = (at) => this.view[3] - ((at - MARGIN.top) / this.high) * (this.view[3] - this.view[2]);
      const xs = [x(from[0]), x(to[0])].sort((a, b) => a - b);
      const ys = [y(from[1]), y(to[1])].sort((a, b) => a - b);
      return [...xs, ...ys];
    }

    point([x, y]) {
      let [best, least] = [null, 900];
      for (const shown of this.shown) {
        const distance = (shown[0] - x) ** 2 + (shown[1] - y) ** 2;
        if (distance < least) [best, least] = [shown, distance];
      }
      this.lit?.classList.remove("lit");
      this.lit = best?.[4];
      this.lit?.classList.add("lit");
      if (!best) return;
      const value = this.state.log ? 10 ** best[3][1] : best[3][1];
      this.readout.textContent = `${this.data.rows[best[2].row]}, seed ${best[2].seed}, ${this.data.x[this.state.x]} ${format(best[3][0])}: ${format(value)}`;
    }
  }

  // A chart is built when it comes near the screen, so that a page of many opens at once.
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      new Chart(entry.target, charts[entry.target.dataset.chart]);
    }
  }, { rootMargin: "600px" });
  for (const figure of document.querySelectorAll("figure[data-chart]")) near.observe(figure);
})();
