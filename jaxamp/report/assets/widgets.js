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

  /* How loud the page plays: one volume for all that share a sound. */
  jaxamp.volume = (sound, { signal } = {}) => {
    const range = jaxamp.element("input", {
      type: "range", min: 0, max: 1, step: 0.01, value: sound.volume,
      oninput: () => (sound.volume = Number(range.value)),
    });
    sound.addEventListener("change", () => (range.value = sound.volume), { signal });
    return jaxamp.element("label", { class: "volume" }, "Volume", range);
  };

  /* How the clips of a blind test are matched, for the listener and for saved files. */
  jaxamp.matchedWords = (measured) => measured
    ? "All are equally loud over the whole clip."
    : "A clip is too quiet for its loudness to be measured, so it is not matched to the others.";
  jaxamp.levelMatch = (measured) => measured
    ? "ITU-R BS.1770, over the whole clip"
    : "ITU-R BS.1770, over the whole clip; not of clips too quiet to measure";

  /* Rows of words under a caption; the first of each is its name. */
  jaxamp.table = (caption, heads, rows) => {
    const { element } = jaxamp;
    const row = ([name, ...rest]) => element("tr", {},
      element("th", { scope: "row" }, String(name)),
      ...rest.map((cell) => element("td", {}, String(cell))));
    return element("div", { class: "wide", tabindex: 0, role: "group", "aria-label": caption },
      element("table", {}, element("caption", {}, caption),
        element("thead", {}, element("tr", {},
          ...heads.map((head) => element("th", { scope: "col" }, head)))),
        element("tbody", {}, ...rows.map(row))));
  };

  /* One view after another in the same place: each call begins one, and gives the signal
     that ends what the view listens to. Else pages would keep every view and its sound. */
  jaxamp.views = () => {
    let now = null;
    return () => {
      now?.abort();
      now = new AbortController();
      return now.signal;
    };
  };

  /* A button and key that have to be used twice in a row: the first use asks, and any
     other click, key or input calls that off. */
  jaxamp.twice = (words, key, { ask, off, act, signal }) => {
    let asked = false;
    const use = () => {
      if (asked) return act();
      asked = true;
      ask();
    };
    const button = jaxamp.button(words, key, use);
    const other = (event) => {
      const own = button.contains(event.target) && (event.type === "click" || taken(button, event.key));
      if (!asked || own || event.key === key) return;
      asked = false;
      off();
    };
    for (const kind of ["click", "keydown", "input"])
      document.addEventListener(kind, other, { capture: true, signal });
    return { button, use };
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
      if (event.metaKey || event.defaultPrevented) return;
      if ((event.ctrlKey || event.altKey) && !layered(event)) return;
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

  /* Whether a modifier was needed to type a bracket at all, as on many layouts. */
  function layered(event) {
    const third = event.getModifierState("AltGraph") || (event.altKey && !event.ctrlKey);
    return third && "[]".includes(event.key);
  }

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
