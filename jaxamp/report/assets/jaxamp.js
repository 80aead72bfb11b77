// What all scripts of a page share: its data, and how to make elements.
"use strict";

globalThis.jaxamp = {
  data: JSON.parse(document.getElementById("data").textContent),

  // An element: jaxamp.element("button", {type: "button", onclick: play}, "Play").
  // Texts are put in as text, never as HTML.
  element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value != null) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child != null));
    return made;
  },

  // A colour of the page, for canvases: jaxamp.color("target").
  color(name) {
    return getComputedStyle(document.documentElement)
      .getPropertyValue(`--${name}`).trim();
  },

  // Calls back whenever the colours of the page change; until a signal, if one is given.
  whenColorsChange(call, { signal } = {}) {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", call, { signal });
  },
};
