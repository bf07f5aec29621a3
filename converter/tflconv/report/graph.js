// Draws graphs of operators: blocks fold, colours follow a figure, the view zooms and moves.
"use strict";

const graphs = JSON.parse(document.getElementById("graphs").textContent);
const [WIDTH, HEIGHT, ROW, GAP, MARGIN, HEAD] = [212, 40, 60, 18, 30, 50];
const figures = {
  delegation: {title: "who runs it", text: o => o.partition ? `XNNPACK, partition ${o.partition}` : "built-in kernel"},
  instructions: {title: "estimated instructions", text: o => `${short(o.instructions)} instructions`},
  bytes: {title: "bytes of constants", text: o => o.bytes ? `${short(o.bytes)}B` : "no constants"},
  scale: {title: "scale of the output", text: o => o.scale ? `scale ${o.scale.toPrecision(3)}` : "float"},
  change: {title: "differences", text: o => o.change ?? "unchanged"},
  snr: {title: "error, SNR in dB", text: o => o.snr === undefined ? "not compared" : `SNR ${o.snr.toFixed(1)} dB`},
};
const svg = document.querySelector("#picture svg");
const detail = document.getElementById("detail");
const open = new Set();
let figure = "delegation";
let view = {x: 0, y: 0, scale: 1};

const short = n => n >= 1e9 ? `${(n / 1e9).toPrecision(3)} G` : n >= 1e6 ? `${(n / 1e6).toPrecision(3)} M`
  : n >= 1e3 ? `${(n / 1e3).toPrecision(3)} k` : `${Math.round(n)} `;

function element(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// What is drawn of a graph: operators, and blocks that are folded, each below all that it reads.
function boxes(graph, number) {
  const blockOf = new Map();
  graph.blocks.forEach((block, i) => {
    if (open.has(`${number}.${i}`)) return;
    for (let index = block.start; index < block.end; index++) blockOf.set(index, i);
  });
  const key = index => blockOf.has(index) ? `b${blockOf.get(index)}` : index < 0 ? "input" : `o${index}`;
  const found = new Map([["input", {key: "input", kind: "end", label: "input", operators: [], sources: []}]]);
  for (const operator of graph.operators) {
    const own = key(operator.index);
    if (!found.has(own)) found.set(own, {
      key: own, kind: blockOf.has(operator.index) ? "block" : "operator", operators: [], sources: [],
      block: blockOf.get(operator.index),
    });
    const box = found.get(own);
    box.operators.push(operator);
    box.sources.push(...operator.sources.map(key).filter(other => other !== own));
  }
  const taken = [];
  for (const box of found.values()) {
    box.sources = [...new Set(box.sources)].map(each => found.get(each)).filter(Boolean);
    box.layer = 1 + Math.max(-1, ...box.sources.map(each => each.layer ?? -1));
    box.column = taken[box.layer] = (taken[box.layer] ?? -1) + 1;
    if (box.kind === "operator") box.label = box.operators[0].name;
    if (box.kind === "block") {
      const {nth, count} = graph.blocks[box.block];
      box.label = `▸ block ${nth} of ${count} (${box.operators.length} operators)`;
    }
  }
  return [...found.values()];
}

function amount(box) {
  const operators = box.operators;
  const sum = name => operators.reduce((all, each) => all + each[name], 0);
  switch (figure) {
    case "instructions": case "bytes": return sum(figure);
    case "scale": return Math.max(0, ...operators.map(each => each.scale ?? 0));
    case "snr": return Math.min(...operators.map(each => each.snr ?? Infinity));
    default: return 0;
  }
}

function told(box) {
  if (box.kind === "end") return "";
  if (box.kind === "operator") return figures[figure].text(box.operators[0]);
  const count = test => box.operators.filter(test).length;
  switch (figure) {
    case "delegation": return count(o => o.partition) === box.operators.length ? "all in XNNPACK" : `${count(o => !o.partition)} in built-in kernels`;
    case "instructions": return `${short(amount(box))} instructions`;
    case "bytes": return `${short(amount(box))}B`;
    case "scale": return `largest scale ${amount(box).toPrecision(3)}`;
    case "change": return count(o => o.change) ? `${count(o => o.change)} changed` : "unchanged";
    case "snr": return Number.isFinite(amount(box)) ? `least SNR ${amount(box).toFixed(1)} dB` : "not compared";
  }
}

// Returns the share of the strongest colour, and its name in the style sheet.
function color(box, most) {
  if (box.kind === "end") return ["end", 1];
  const value = amount(box);
  switch (figure) {
    case "delegation": return box.operators.every(each => each.partition) ? ["xnnpack", 0.35] : ["builtin", 0.5];
    case "change": return box.operators.some(each => each.change) ? ["changed", 0.45] : ["plain", 0];
    case "snr": return Number.isFinite(value) ? ["dear", Math.min(Math.max((45 - value) / 40, 0), 1) * 0.7] : ["plain", 0];
    case "scale": return value ? ["dear", 0.7 * Math.min(Math.max((Math.log10(value) + 4) / 5, 0.05), 1)] : ["plain", 0];
    default: return ["dear", most ? 0.7 * Math.sqrt(value / most) : 0];
  }
}

function draw() {
  const scene = element("g", {id: "scene"});
  let left = 0, height = 0;
  graphs.forEach((graph, number) => {
    const all = boxes(graph, number);
    const most = Math.max(0, ...all.map(amount).filter(Number.isFinite));
    const columns = 1 + Math.max(...all.map(each => each.column));
    const x = box => left + MARGIN + box.column * (WIDTH + GAP);
    const y = box => HEAD + box.layer * ROW;
    scene.append(element("text", {x: left + MARGIN, y: 26, class: "title"}, graph.name));
    for (const box of all) for (const source of box.sources)
      scene.append(element("path", {class: "edge", d: edge([x(source), y(source)], [x(box), y(box)], box.layer - source.layer, box.column === source.column)}));
    for (const box of all) scene.append(node(box, number, x(box), y(box), most));
    left += 2 * MARGIN + columns * (WIDTH + GAP) + 60;
    height = Math.max(height, HEAD + ROW * (1 + Math.max(...all.map(each => each.layer))));
  });
  svg.replaceChildren(scene);
  svg.dataset.width = left;
  svg.dataset.height = height + MARGIN;
  place();
}

function edge([x1, y1], [x2, y2], span, straight) {
  if (span <= 1 || !straight) {
    const [a, b] = [[x1 + WIDTH / 2, y1 + HEIGHT], [x2 + WIDTH / 2, y2]];
    const middle = (a[1] + b[1]) / 2;
    return `M ${a} C ${a[0]} ${middle} ${b[0]} ${middle} ${b}`;
  }
  const [a, b] = [[x1 + WIDTH, y1 + HEIGHT / 2], [x2 + WIDTH, y2 + HEIGHT / 2]];
  const out = Math.max(a[0], b[0]) + Math.min(20 + 6 * span, 60);
  return `M ${a} C ${out} ${a[1]} ${out} ${b[1]} ${b}`;
}

function node(box, number, x, y, most) {
  const [name, share] = color(box, most);
  const second = told(box);
  const made = element("g", {class: `node ${box.kind}`, transform: `translate(${x} ${y})`},
    element("rect", {width: WIDTH, height: HEIGHT, rx: 6, class: "ground"}),
    element("rect", {width: WIDTH, height: HEIGHT, rx: 6, class: name, "fill-opacity": share.toFixed(2)}),
    element("text", {x: 10, y: 17}, `${cut(box.label, 29)} `),
    element("text", {x: 10, y: 32, class: "small"}, cut(second, 36)));
  const mark = box.operators.find(each => each.change);
  if (mark) made.append(element("circle", {cx: WIDTH - 10, cy: 10, r: 4, class: "mark"}));
  if (box.kind === "end") return made;
  made.setAttribute("tabindex", 0);
  made.setAttribute("role", "button");
  if (box.kind === "block") made.setAttribute("aria-expanded", "false");
  made.id = `n${number}-${box.key}`;
  const act = () => box.kind === "block" ? toggle(number, box.block) : show(box.operators[0], number);
  made.addEventListener("click", () => moved || act());
  made.addEventListener("keydown", event => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act();
  });
  return made;
}

const cut = (text, length) => text.length > length ? `${text.slice(0, length - 1)}…` : text;

function toggle(number, block) {
  const name = `${number}.${block}`;
  open.has(name) ? open.delete(name) : open.add(name);
  draw();
  document.getElementById(`n${number}-${open.has(name) ? `o${graphs[number].blocks[block].start}` : `b${block}`}`)?.focus();
}

function show(operator, number) {
  const graph = graphs[number];
  const facts = [
    ["file", graph.name], ["operator", `#${operator.index} ${operator.name}`], ["output", operator.output || "no name"],
    ["type", operator.type], ["scale", operator.scale === null ? "" : `${operator.scale} (zero point ${operator.zero_point})`],
    ["MACs", operator.macs ? operator.macs.toLocaleString("en") : ""], ["instructions", `${short(operator.instructions)}(estimated)`],
    ["constants", operator.bytes ? `${operator.bytes.toLocaleString("en")} bytes` : ""],
    ["run by", figures.delegation.text(operator)], ["why not XNNPACK", operator.reason ?? ""],
    ["difference", operator.change ?? ""], ["error", operator.error ?? ""],
  ];
  const list = document.createElement("dl");
  for (const [name, value] of facts) if (value) {
    const row = document.createElement("div");
    row.append(Object.assign(document.createElement("dt"), {textContent: name}), Object.assign(document.createElement("dd"), {textContent: value}));
    list.append(row);
  }
  const parts = [list];
  const block = graph.blocks.findIndex(each => each.start <= operator.index && operator.index < each.end);
  if (block >= 0 && open.has(`${number}.${block}`)) {
    const fold = Object.assign(document.createElement("button"), {type: "button", textContent: "fold its block"});
    fold.addEventListener("click", () => toggle(number, block));
    parts.push(fold);
  }
  detail.replaceChildren(...parts);
}

function place() {
  svg.firstChild.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
}

function zoom(factor, [x, y] = [svg.clientWidth / 2, svg.clientHeight / 2]) {
  const scale = Math.min(Math.max(view.scale * factor, 0.05), 4);
  const real = scale / view.scale;
  view = {x: x - (x - view.x) * real, y: y - (y - view.y) * real, scale};
  place();
}

function fit(whole) {
  const wide = svg.clientWidth / svg.dataset.width;
  const scale = whole ? Math.min(wide, svg.clientHeight / svg.dataset.height) : Math.min(1, wide);
  view = {x: Math.max(0, (svg.clientWidth - svg.dataset.width * scale) / 2), y: 0, scale};
  place();
}

let moved = false;
svg.addEventListener("pointerdown", start => {
  moved = false;
  const from = {...view};
  const move = event => {
    moved ||= Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > 4;
    if (!moved) return;
    view = {...view, x: from.x + event.clientX - start.clientX, y: from.y + event.clientY - start.clientY};
    place();
  };
  addEventListener("pointermove", move);
  for (const name of ["pointerup", "pointercancel"])
    addEventListener(name, () => removeEventListener("pointermove", move), {once: true});
});
svg.addEventListener("wheel", event => {
  event.preventDefault();
  const {left, top} = svg.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY / 400), [event.clientX - left, event.clientY - top]);
}, {passive: false});
svg.parentElement.addEventListener("keydown", event => {
  const steps = {ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60]};
  if (steps[event.key]) {
    event.preventDefault();
    view = {...view, x: view.x + steps[event.key][0], y: view.y + steps[event.key][1]};
    place();
  }
  if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.25 : 0.8);
});

function control(name, act) {
  document.getElementById(name).addEventListener("click", act);
}

function setUp() {
  const select = document.getElementById("figure");
  const has = name => graphs.some(graph => graph.operators.some(each => each[name] !== undefined && each[name] !== null));
  for (const [name, {title}] of Object.entries(figures))
    if (name === "delegation" || has(name)) select.add(new Option(title, name));
  select.value = figure = has("snr") ? "snr" : "delegation";
  select.addEventListener("change", () => { figure = select.value; draw(); });
  control("larger", () => zoom(1.25));
  control("smaller", () => zoom(0.8));
  control("whole", () => fit(true));
  control("fold", () => { open.clear(); draw(); fit(false); });
  control("unfold", () => {
    graphs.forEach((graph, number) => graph.blocks.forEach((_, i) => open.add(`${number}.${i}`)));
    draw();
  });
  document.getElementById("picture").hidden = false;
  draw();
  fit(false);
}

setUp();
