// What the other scripts make elements and texts with. Whatever comes from the daemon
// goes into the page as text, never as markup.

export const $ = (id) => document.getElementById(id);

// el makes an element with attributes and children: elements or texts.
export function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    e.setAttribute(name, value);
  }
  e.append(...children.map((c) => (c instanceof Node ? c : String(c))));
  return e;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

// number shows a number, with its exact value in the attribute.
export function number(n, format = whole) {
  return el("data", { value: n }, format.format(n));
}

// rate shows a number a second.
export const rate = (n) => number(n, n < 100 ? tenth : whole);

// bytes shows a number of bytes.
export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let shown = n;
  let unit = 0;
  for (; shown >= 1024 && unit < units.length - 1; unit++) {
    shown /= 1024;
  }
  return el("data", { value: n }, `${shown < 10 && unit > 0 ? tenth.format(shown) : whole.format(shown)} ${units[unit]}`);
}

// span says how long a number of seconds is.
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (s >= 2 * length) {
      return `${Math.floor(s / length)} ${unit}`;
    }
  }
  return `${s} s`;
}

// ago says how long ago a moment was, as RFC 3339 has it.
export function ago(moment) {
  const at = new Date(moment);
  if (Number.isNaN(at.getTime()) || at.getTime() <= 0) {
    return el("span", {}, "never");
  }
  return el("time", { datetime: moment, title: moment }, `${span((Date.now() - at) / 1000)} ago`);
}

// facts shows pairs of a name and a value in a list.
export function facts(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([name, ...value]) => [el("dt", {}, name), el("dd", {}, ...value)]));
}

// rows shows rows of cells in a table, the first of each row as its heading.
export function rows(table, all, none) {
  const width = table.tHead.rows[0].cells.length;
  const made = all.map(([first, ...others]) =>
    el("tr", {}, el("th", { scope: "row" }, first), ...others.map((c) => el("td", {}, c))));
  if (made.length === 0) {
    made.push(el("tr", {}, el("td", { colspan: width, class: "quiet" }, none)));
  }
  keepFocus(table.tBodies[0], made);
}

// keepFocus replaces the rows, and gives back the focus that a button in them had.
function keepFocus(body, made) {
  const at = [...body.querySelectorAll("button")].indexOf(document.activeElement);
  body.replaceChildren(...made);
  if (at >= 0) {
    body.querySelectorAll("button")[at]?.focus();
  }
}
