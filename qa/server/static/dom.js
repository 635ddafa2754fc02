// Elements from data. Strings become text nodes: nothing here, and nothing elsewhere, parses HTML.

/** An element; attributes named `on…` are listeners, `false` and `null` leave one out. */
export const el = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
};

export const button = (label, onclick, attributes = {}) =>
  el("button", { type: "button", onclick, ...attributes }, label);

export const byId = (id) => document.getElementById(id);

/** Tell those who cannot see it; waits for what is being said. */
export const announce = (text) => {
  byId("live").textContent = text;
};

/** Make a change; where it takes away the element that has the focus, `next` gets it. */
export const keepFocus = (change, next) => {
  const focused = document.activeElement;
  change();
  if (focused.getClientRects().length === 0) next.focus({ preventScroll: true });
};

/** "1 sentence", "2 sentences". */
export const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** What went wrong, what to do about it, and a button if trying again may help. */
export const problemBox = (problem, retry) =>
  el("div", { class: "problem" },
    el("p", { class: "detail" }, problem.detail),
    problem.help && el("p", { class: "help" }, problem.help),
    retry && button("Try again", retry));
