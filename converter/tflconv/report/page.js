// Sorts tables, sets two files side by side, and copies commands. Without it the page says the same.
"use strict";

const text = cell => cell.querySelector("span")?.textContent ?? cell.textContent;
const value = cell => {
  const told = cell?.dataset.value ?? (cell ? text(cell).trim() : "");
  const number = Number(told);
  return told !== "" && !Number.isNaN(number) ? number : told;
};

function compare(a, b) {
  const missing = each => each === "" || each === "–";
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, {numeric: true});
}

function order(table, column, direction) {
  for (const body of table.tBodies) {
    const rows = [...body.rows];
    rows.forEach((row, place) => row.dataset.place ??= place);
    const [heads, data] = [rows.filter(fixed), rows.filter(row => !fixed(row))];
    data.sort((a, b) => direction
      ? sign(value(a.cells[column]), value(b.cells[column]), direction)
      : a.dataset.place - b.dataset.place);
    body.append(...heads, ...data);
  }
}

const fixed = row => row.classList.contains("model");
const sign = (a, b, direction) => {
  const gone = [a, b].some(each => each === "" || each === "–");
  return gone ? compare(a, b) : direction * compare(a, b);
};

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const status = Object.assign(document.createElement("p"), {className: "spoken"});
  status.setAttribute("role", "status");
  table.parentElement.after(status);
  heads.forEach((head, column) => {
    const button = Object.assign(document.createElement("button"), {type: "button"});
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const next = {none: 1, ascending: -1, descending: 0}[head.getAttribute("aria-sort") ?? "none"];
      heads.forEach(each => each.removeAttribute("aria-sort"));
      const name = {1: "ascending", [-1]: "descending"}[next];
      if (name) head.setAttribute("aria-sort", name);
      order(table, column, next);
      status.textContent = `${button.textContent}: ${name ?? "as measured"}`;
    });
  });
}

function pickable(table) {
  const heads = [...table.tHead.rows[0].cells];
  if (heads.length < 4) return;
  const picker = Object.assign(document.createElement("p"), {className: "picker"});
  const selects = [1, heads.length - 1].map((chosen, place) => {
    const select = document.createElement("select");
    heads.slice(1).forEach((head, i) => select.add(new Option(head.textContent, i + 1)));
    select.value = chosen;
    select.setAttribute("aria-label", place ? "Second file" : "First file");
    select.addEventListener("change", show);
    return select;
  });
  const all = Object.assign(document.createElement("button"), {type: "button", textContent: "all"});
  all.addEventListener("click", () => { all.ariaPressed = all.ariaPressed === "true" ? "false" : "true"; show(); });
  all.ariaPressed = "false";
  picker.append("Side by side: ", selects[0], " and ", selects[1], " ", all);
  table.parentElement.before(picker);
  function show() {
    const chosen = new Set([0, ...selects.map(select => Number(select.value))]);
    for (const row of table.rows)
      [...row.cells].forEach((cell, i) => cell.hidden = all.ariaPressed !== "true" && !chosen.has(i));
  }
  show();
}

function copyable(pre) {
  const button = Object.assign(document.createElement("button"), {type: "button", textContent: "copy"});
  button.className = "copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(pre);
      button.textContent = "selected";
    }
  });
  pre.before(button);
}

document.querySelectorAll("table.pick").forEach(pickable);
document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll("pre").forEach(copyable);
addEventListener("beforeprint", () => document.querySelectorAll("details.print").forEach(each => each.open = true));
