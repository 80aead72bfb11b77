/* Rating against a hidden reference: how near does each model come to the amp?

   In each trial the amp itself is there openly, and once more among what is rated; so is
   a low anchor, the amp behind a low-pass filter. What is rated has numbers in an order
   drawn anew for each trial.

   Source: ITU-R BS.1534 (MUSHRA). */
(() => {
  "use strict";
  const { jaxamp } = globalThis;
  const { element, button, statistics } = jaxamp;

  const DIP = 0.04; // seconds of every switch, from whatever to whatever
  const WORDS = ["bad", "poor", "fair", "good", "excellent"];
  const KNOWN = 90; // what the hidden reference is rated at least by who hears it
  const SHARE = 0.15; // of trials in which it may be rated lower

  /* Fills an element with the test.

     `trials` are `{name, clips}` with the clips `reference`, `anchor` and one for each
     model, labelled as results name them; `about` is kept in the saved files. */
  jaxamp.rating = (root, trials, { about = {} } = {}) => {
    root.classList.add("test");
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Rating");
    root.tabIndex = -1;
    const said = jaxamp.announcer();
    const place = element("div");
    root.replaceChildren(place, said);
    let keys = {};
    jaxamp.keys(root, () => keys);
    const show = (parts, acting = {}, focus = true) => {
      keys = acting;
      place.replaceChildren(...parts);
      if (focus) place.querySelector("h3").focus();
    };
    const say = (words) => (said.textContent = words);
    const test = { trials, about, show, say };
    setup(test, false);
  };

  const heading = (words) => element("h3", { tabindex: "-1" }, words);

  /* --- before ------------------------------------------------------------------- */

  function setup(test, focus) {
    const { trials, show, say } = test;
    const listener = element("input", { type: "text", maxlength: 80, autocomplete: "off" });
    const count = Object.keys(trials[0].clips).length;
    say("");
    show([
      heading("How near does each model come?"),
      element("p", {}, `${trials.length} ${trials.length > 1 ? "passages" : "passage"}, ${count} versions of each, in an order that is drawn anew. Rate how near each comes to the reference, from 0 to 100. One of them is the reference itself, and one is dull on purpose. All are played equally loud.`),
      element("label", { class: "choice" }, "Your name, if you like", listener),
      element("div", { class: "row" },
        button("Start rating", "", () =>
          run(test, listener.value.trim()).catch((error) => say(`It cannot be played: ${error.message}`)),
        { class: "primary" })),
    ], {}, focus);
  }

  /* --- during ------------------------------------------------------------------- */

  async function run(test, listener) {
    const record = {
      test: "mushra", finished: false, date: new Date().toISOString(), listener,
      ...test.about, level_match: "ITU-R BS.1770", trials: test.trials.length, ratings: [],
    };
    for (const [index, trial] of test.trials.entries()) {
      test.say("Getting ready …");
      const sound = await jaxamp.Sound.from(trial.clips);
      const rated = await rateOne(test, sound, trial, index);
      if (!rated) return results(test, record);
      record.ratings.push(...rated);
    }
    record.finished = true;
    results(test, record);
  }

  /* Resolves to the ratings of one trial, or to null where it was stopped. */
  function rateOne(test, sound, trial, index) {
    return new Promise((resolve) => {
      const { show, say } = test;
      const position = `Trial ${index + 1} of ${test.trials.length}`;
      const begun = performance.now();
      const rows = jaxamp.shuffled(sound.names).map((condition, i) => ({
        condition, number: String(i + 1), rating: null, played: 0 }));
      const clips = sound.part({
        Reference: "reference", ...Object.fromEntries(rows.map((r) => [`${r.number}.`, r.condition])),
      }, { dip: DIP });
      let stopping = false;
      const hear = (name, row) => {
        stopping = false;
        if (row) row.played++;
        clips.play(name);
        say(`Playing ${row ? row.number : "the reference"}.`);
        mark();
      };
      const close = (ratings) => { clips.pause(); resolve(ratings); };
      const next = () => {
        stopping = false;
        const left = missing(rows);
        if (left) return say(left);
        const seconds = Math.round(performance.now() - begun) / 1000;
        close(rows.map((row) => rated(row, sound, trial, index, seconds)));
      };
      const stop = () => {
        if (stopping) return close(null);
        stopping = true;
        say("Stop? Esc again stops: the test then counts as not finished.");
      };
      const hearing = [
        button("Reference", "0", () => hear("Reference"), { "aria-pressed": "false" }),
        ...rows.map((row) => button(row.number, row.number,
          () => hear(`${row.number}.`, row), { "aria-label": `Hear ${row.number}`, "aria-pressed": "false" })),
      ];
      const mark = () => clips.names.forEach((name, i) =>
        hearing[i].setAttribute("aria-pressed", String(name === clips.current)));
      const region = jaxamp.regionSetters(clips);
      const last = index + 1 === test.trials.length;
      show([
        heading(`${position}: ${trial.name}`),
        element("div", { class: "row" }, hearing[0],
          button("Play or pause", "Space", () => clips.toggle())),
        element("div", { class: "rate", "aria-hidden": "true" }, scale()),
        ...rows.map((row, i) => element("div", { class: "rate" }, hearing[i + 1], ...slider(row))),
        jaxamp.strip(clips, ["Reference"]),
        jaxamp.regionButtons(clips),
        element("div", { class: "row" },
          button(last ? "Finish" : "Next passage", "", next, { class: "primary" }),
          button("Stop", "Escape", stop)),
      ], {
        0: () => hear("Reference"),
        ...Object.fromEntries(rows.map((row) => [row.number, () => hear(`${row.number}.`, row)])),
        " ": () => clips.toggle(), Escape: stop,
        l: region.toggle, "[": region.from, "]": region.to,
      });
      say(`${position}. Listen to the reference, then rate the others.`);
    });
  }

  function scale() {
    return element("div", { class: "scale" },
      ...WORDS.map((word) => element("span", {}, word)));
  }

  /* The slider of one version and what it stands at; it counts once it was touched. */
  function slider(row) {
    const told = element("output", {}, "not rated");
    const touched = () => {
      row.rating = Number(range.value);
      const word = WORDS[Math.min(4, Math.floor(row.rating / 20))];
      told.textContent = `${row.rating}, ${word}`;
      range.setAttribute("aria-valuetext", told.textContent);
    };
    const range = element("input", {
      type: "range", min: 0, max: 100, step: 1, value: 50, oninput: touched, onclick: touched,
      "aria-label": `Rating of ${row.number}`, "aria-valuetext": "not rated",
    });
    return [range, told];
  }

  function missing(rows) {
    const named = (some) => some.map((row) => row.number).join(", ");
    const unheard = rows.filter((row) => !row.played);
    if (unheard.length) return `Not heard yet: ${named(unheard)}.`;
    const unrated = rows.filter((row) => row.rating === null);
    return unrated.length ? `Not rated yet: ${named(unrated)}.` : "";
  }

  function rated({ condition, number, rating, played }, sound, trial, index, seconds) {
    const kind = ["reference", "anchor"].includes(condition) ? condition : "model";
    return { trial: index + 1, passage: trial.name, condition: sound.label(condition),
      kind, number: Number(number), rating, played, seconds };
  }

  /* --- after -------------------------------------------------------------------- */

  function results(test, record) {
    const { show, say } = test;
    const words = record.finished ? verdict(record) :
      "Not finished, so no means are shown; what was rated can be saved.";
    say(words);
    const name = `rating_${jaxamp.fileName(record.listener || "listener")}_${jaxamp.stamp(new Date(record.date))}`;
    show([
      heading(record.finished ? "Your ratings" : "Stopped"),
      ...(record.finished ? [summary(record), element("p", { class: "faint" },
        "Means of this listener over the passages, with the 95 % interval of the mean; a study needs more listeners.")] : []),
      element("div", { class: "row" },
        button("Save as CSV", "", () => jaxamp.save(`${name}.csv`, asCsv(record), "text/csv")),
        button("Save as JSON", "", () =>
          jaxamp.save(`${name}.json`, JSON.stringify(record, null, 2) + "\n", "application/json")),
        button("Rate again", "", () => setup(test, true))),
    ]);
  }

  function verdict({ ratings, trials }) {
    const low = ratings.filter((r) => r.kind === "reference" && r.rating < KNOWN).length;
    if (!low) return "You knew the hidden reference in every trial.";
    const rule = low / trials > SHARE
      ? "ITU-R BS.1534 leaves such a listener out of its means."
      : `ITU-R BS.1534 leaves listeners out to whom that happens in more than ${100 * SHARE} % of the trials.`;
    return `The hidden reference was rated below ${KNOWN} in ${low} of ${trials} trials. ${rule}`;
  }

  function summary({ ratings }) {
    const conditions = new Map();
    for (const r of ratings)
      conditions.set(r.condition, [...(conditions.get(r.condition) ?? []), r]);
    const lines = [...conditions].map(([condition, of]) => {
      const values = of.map((r) => r.rating);
      return { condition, mean: statistics.mean(values), half: statistics.halfInterval(values), n: values.length };
    }).sort((a, b) => b.mean - a.mean);
    const line = (cells, tag) =>
      element("tr", {}, ...cells.map((cell) => element(tag, {}, String(cell))));
    const rows = lines.map(({ condition, mean, half, n }) =>
      line([condition, mean.toFixed(1), span(mean, half), n], "td"));
    return element("div", { class: "wide" }, element("table", {},
      element("thead", {}, line(["Version", "Mean", "95 %", "Ratings"], "th")),
      element("tbody", {}, ...rows)));
  }

  /* Where the mean lies with 95 %, as far as that is on the scale. */
  function span(mean, half) {
    if (half === null) return "";
    return `${Math.max(0, mean - half).toFixed(1)} to ${Math.min(100, mean + half).toFixed(1)}`;
  }

  function asCsv({ listener, date, version, finished, ratings }) {
    const head = ["listener", "date", "version", "finished", "trial", "passage", "condition",
      "kind", "number", "rating", "played", "seconds"];
    const rows = ratings.map((r) => [listener, date, version, finished, r.trial, r.passage,
      r.condition, r.kind, r.number, r.rating, r.played, r.seconds]);
    return jaxamp.csv([head, ...rows]);
  }
})();
