// Lines over the last ten minutes, drawn with SVG.
import { el, number } from "./dom.js";

const minutes = 10;
const width = 600;
const height = 100;

function svg(tag, attributes, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    e.setAttribute(name, value);
  }
  e.append(...children);
  return e;
}

// picture is a drawing that takes the size of what it is in.
function picture(...children) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" }, ...children);
}

// line draws values over the times at which they were so, in seconds.
function line(times, values, highest, style) {
  const last = times[times.length - 1];
  const points = values.map((v, i) => {
    const x = width - ((last - times[i]) * width) / (60 * minutes);
    const y = height - 1 - (v / highest) * (height - 4);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return svg("path", { class: style, d: `M${points.join("L")}` });
}

// ceiling returns the next number above n that is easily read.
function ceiling(n) {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 1)));
  return [1, 2, 5, 10].find((factor) => factor * power >= n) * power;
}

// style is the class of the i-th line.
export const style = (i) => `s${i % 6}`;

// chart draws a line for each list of values.
export function chart(into, times, lines) {
  if (times.length < 2) {
    into.replaceChildren(el("span", { class: "highest" }, "The first numbers come in some seconds."));
    return;
  }
  const highest = ceiling(Math.max(...lines.flat()));
  into.replaceChildren(
    picture(
      svg("line", { x1: 0, x2: width, y1: 4, y2: 4 }),
      svg("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2 }),
      ...lines.map((values, i) => line(times, values, highest, style(i)))),
    el("span", { class: "highest" }, number(highest)),
    el("span", { class: "oldest" }, `${minutes} minutes ago`),
    el("span", { class: "newest" }, "now"));
}

// spark draws a small line from 0 on.
export function spark(times, values) {
  const box = el("div", { class: "spark", "aria-hidden": "true" });
  if (times.length > 1) {
    box.append(picture(line(times, values, Math.max(1, ...values), style(0))));
  }
  return box;
}

// key is what a line looks like.
export function key(i) {
  return el("span", { class: "key", "aria-hidden": "true" }, picture(svg("path", { class: style(i), d: `M0 ${height / 2}H${width}` })));
}
