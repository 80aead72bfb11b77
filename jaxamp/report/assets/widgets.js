/* What every widget of a page is made of: buttons with keys, sentences read out, files. */
(() => {
  "use strict";
  const { jaxamp } = globalThis;

  /* A button with its key beside its words. */
  jaxamp.button = (words, key, press, attributes = {}) =>
    jaxamp.element(
      "button",
      { type: "button", onclick: press, "aria-keyshortcuts": key, ...attributes },
      jaxamp.element("span", {}, words),
      key ? jaxamp.element("kbd", { "aria-hidden": "true" }, shownKey(key)) : null,
    );

  const shownKey = (key) => ({ Space: "space", Escape: "esc" })[key] ?? key;

  /* A box to tick, with its words. */
  jaxamp.tick = (words, on, change, attributes = {}) => {
    const box = jaxamp.element("input", { type: "checkbox", ...attributes });
    box.checked = on;
    box.addEventListener("change", () => change(box.checked));
    return jaxamp.element("label", { class: "tick" }, box, words);
  };

  /* A place whose sentences screen readers read out as they change. */
  jaxamp.announcer = () =>
    jaxamp.element("p", { class: "said", role: "status", "aria-live": "polite" });

  let owner = null; // the widget used last: it has the keys while nothing has the focus
  let pointed = false; // whether the focus came by mouse or finger

  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab") pointed = false;
  }, true);

  /* Keys of a widget, as `{key: action}` or a function that gives them. They act where
     the focus is inside it, or nowhere and it was used last; what a focused control
     does with a key itself, it goes on doing. */
  jaxamp.keys = (root, keys) => {
    const use = () => (owner = root);
    root.addEventListener("focusin", use);
    root.addEventListener("pointerdown", () => { use(); pointed = true; });
    const action = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const loose = event.target === document.body && owner === root;
      if (!loose && !root.contains(event.target)) return;
      if (taken(event.target, event.key)) return;
      const known = typeof keys === "function" ? keys() : keys;
      return known[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    };
    document.addEventListener("keydown", (event) => {
      const act = action(event);
      if (!act) return;
      event.preventDefault();
      if (!event.repeat) act(event);
    });
    document.addEventListener("keyup", (event) => {
      if (event.key === " " && action(event)) event.preventDefault(); // no click as well
    });
  };

  jaxamp.own = (root) => (owner = root);

  /* Whether a control does something with a key itself. A button that was clicked does
     not: after a click on a clip, space still starts and stops. */
  function taken(target, key) {
    const tag = target.tagName, type = target.type;
    if (tag === "TEXTAREA" || tag === "SELECT") return true;
    if (tag === "INPUT" && (type === "text" || type === "number")) return true;
    const arrows = /^(Arrow|Home|End|Page)/.test(key);
    if (tag === "INPUT" && (type === "range" || type === "radio") && arrows) return true;
    const presses = ["BUTTON", "SUMMARY", "A"].includes(tag) || ["checkbox", "radio"].includes(type);
    return presses && (key === "Enter" || (key === " " && !pointed));
  }

  /* Hands the listener a file. */
  jaxamp.save = (name, text, type) => {
    const url = URL.createObjectURL(new Blob([text], { type }));
    jaxamp.element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };

  /* Rows as CSV: quoted where needed, and nothing that a spreadsheet would compute. */
  jaxamp.csv = (rows) =>
    rows.map((row) => row.map(cell).join(",") + "\n").join("");

  function cell(value) {
    if (value == null) return "";
    let text = String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  /* A time of day fit for a file's name. */
  jaxamp.stamp = (date) => date.toISOString().slice(0, 19).replaceAll(":", "-");

  /* The letters of a name that any disk takes. */
  jaxamp.fileName = (name) => name.replace(/[^\w.+-]+/g, "_").slice(0, 80);
})();
