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
    const test = { trials, about, show, say, newView: jaxamp.views(), volume: 1 };
    setup(test, false);
  };

  const heading = (words) => element("h3", { tabindex: "-1" }, words);

  /* --- before ------------------------------------------------------------------- */

  function setup(test, focus) {
    const { trials, show, say } = test;
    test.newView();
    const listener = element("input", { type: "text", maxlength: 80, autocomplete: "off" });
    const counts = trials.map((trial) => Object.keys(trial.clips).length);
    const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
    const count = fewest === most ? most : `${fewest} to ${most}`;
    say("");
    show([
      heading("How near does each model come?"),
      element("p", {}, `${trials.length} ${trials.length > 1 ? "passages" : "passage"}, ${count} versions of each, in an order that is drawn anew. Rate how near each comes to the reference, from 0 to 100. One of them is the reference itself, and one is dull on purpose. ${jaxamp.matchedWords(trials.every(measured))}`),
      element("label", { class: "choice" }, "Your name, if you like", listener),
      element("div", { class: "row" },
        button("Start rating", "", () =>
          run(test, listener.value.trim()).catch((error) => {
            setup(test, true);
            say(`It cannot be played: ${error.message}`);
          }),
        { class: "primary" })),
    ], {}, focus);
  }

  const measured = (trial) => Object.values(trial.clips).every((clip) => !clip.unmeasured);

  /* --- during ------------------------------------------------------------------- */

  async function run(test, listener) {
    const record = {
      test: "mushra", finished: false, date: new Date().toISOString(), listener,
      ...test.about, level_match: jaxamp.levelMatch(test.trials.every(measured)),
      trials: test.trials.length, ratings: [],
    };
    for (const [index, trial] of test.trials.entries()) {
      test.newView();
      test.show([heading("Getting ready …")]); // no keys act while a trial is decoded
      test.say("");
      const sound = await jaxamp.Sound.from(trial.clips);
      sound.volume = test.volume;
      const rated = await rateOne(test, sound, trial, index);
      test.volume = sound.volume;
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
      const signal = test.newView();
      const position = `Trial ${index + 1} of ${test.trials.length}`;
      const begun = performance.now();
      const rows = jaxamp.shuffled(sound.names).map((condition, i) => ({
        condition, number: String(i + 1), rating: null, played: 0 }));
      const reference = { number: "the reference", played: 0 };
      const clips = sound.part({
        Reference: "reference", ...Object.fromEntries(rows.map((r) => [`${r.number}.`, r.condition])),
      }, { dip: DIP });
      const hear = (name, row) => {
        row.played++;
        clips.play(name);
        say(`Playing ${row.number}.`);
        mark();
      };
      const toggle = () => [reference, ...rows].some((row) => row.played)
        ? clips.toggle() : hear("Reference", reference);
      const close = (ratings) => { clips.pause(); resolve(ratings); };
      const next = () => {
        const left = missing(reference, rows);
        if (left) return say(left);
        const seconds = Math.round(performance.now() - begun) / 1000;
        close(rows.map((row) => rated(row, sound, trial, index, seconds)));
      };
      const stop = jaxamp.twice("Stop", "Escape", {
        ask: () => say("Stop? Esc again stops: the test then counts as not finished. Anything else goes on."),
        off: () => say(`${position}. It goes on.`),
        act: () => close(null),
        signal,
      });
      const hearing = [
        button("Reference", "0", () => hear("Reference", reference), { "aria-pressed": "false" }),
        ...rows.map((row) => button(row.number, row.number,
          () => hear(`${row.number}.`, row), { "aria-label": `Hear ${row.number}`, "aria-pressed": "false" })),
      ];
      const mark = () => clips.names.forEach((name, i) =>
        hearing[i].setAttribute("aria-pressed", String(name === clips.current)));
      const region = jaxamp.regionSetters(clips, { signal });
      const last = index + 1 === test.trials.length;
      show([
        heading(`${position}: ${trial.name}`),
        element("div", { class: "row" }, hearing[0],
          button("Play or pause", "Space", toggle), jaxamp.volume(clips, { signal })),
        element("div", { class: "rate", "aria-hidden": "true" }, scale()),
        ...rows.map((row, i) => element("div", { class: "rate" }, hearing[i + 1], ...slider(row))),
        jaxamp.strip(clips, ["Reference"], { signal }),
        jaxamp.regionButtons(clips, { signal }),
        element("div", { class: "row" },
          button(last ? "Finish" : "Next passage", "", next, { class: "primary" }),
          stop.button),
      ], {
        0: () => hear("Reference", reference),
        ...Object.fromEntries(rows.map((row) => [row.number, () => hear(`${row.number}.`, row)])),
        " ": toggle, Escape: stop.use,
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

  function missing(reference, rows) {
    const named = (some) => some.map((row) => row.number).join(", ");
    const unheard = [reference, ...rows].filter((row) => !row.played);
    if (unheard.length) return `Not heard yet: ${named(unheard)}.`;
    const unrated = rows.filter((row) => row.rating === null);
    return unrated.length ? `Not rated yet: ${named(unrated)}.` : "";
  }

  function rated({ condition, number, rating, played }, sound, trial, index, seconds) {
    const kind = ["reference", "anchor"].includes(condition) ? condition : "model";
    return { trial: index + 1, capture: trial.capture, passage: trial.name, condition: sound.label(condition),
      kind, number: Number(number), rating, played, seconds };
  }

  /* --- after -------------------------------------------------------------------- */

  function results(test, record) {
    const { show, say } = test;
    test.newView();
    const words = record.finished ? verdict(record) :
      "Not finished, so no means are shown; what was rated can be saved.";
    say(words);
    const name = `rating_${jaxamp.fileName(record.listener || "listener")}_${jaxamp.stamp(new Date(record.date))}`;
    show([
      heading(record.finished ? "Your ratings" : "Stopped"),
      ...(record.finished ? [...summary(record), element("p", { class: "faint" },
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
    if (!low) return `You rated the hidden reference at ${KNOWN} or more in every trial.`;
    const rule = low / trials > SHARE
      ? "ITU-R BS.1534 leaves such a listener out of its means."
      : `ITU-R BS.1534 leaves listeners out to whom that happens in more than ${100 * SHARE} % of the trials.`;
    return `The hidden reference was rated below ${KNOWN} in ${low} of ${trials} trials. ${rule}`;
  }

  /* A table for each capture: models of one name on two of them are two models. */
  function summary({ ratings }) {
    return grouped(ratings, "capture").map(([capture, of]) => {
      const lines = grouped(of, "condition").map(([condition, same]) => {
        const values = same.map((r) => r.rating);
        return { condition, mean: statistics.mean(values), half: statistics.halfInterval(values), n: values.length };
      }).sort((a, b) => b.mean - a.mean);
      return jaxamp.table(capture, ["Version", "Mean", "95 %", "Ratings"],
        lines.map(({ condition, mean, half, n }) =>
          [condition, mean.toFixed(1), span(mean, half), n]));
    });
  }

  const grouped = (ratings, key) => [...new Set(ratings.map((r) => r[key]))]
    .map((name) => [name, ratings.filter((r) => r[key] === name)]);

  /* Where the mean lies with 95 %, as far as that is on the scale. */
  function span(mean, half) {
    if (half === null) return "";
    return `${Math.max(0, mean - half).toFixed(1)} to ${Math.min(100, mean + half).toFixed(1)}`;
  }

  function asCsv({ listener, date, version, finished, ratings }) {
    const head = ["listener", "date", "version", "finished", "trial", "capture", "passage", "condition",
      "kind", "number", "rating", "played", "seconds"];
    const rows = ratings.map((r) => [listener, date, version, finished, r.trial, r.capture,
      r.passage, r.condition, r.kind, r.number, r.rating, r.played, r.seconds]);
    return jaxamp.csv([head, ...rows]);
  }
})();
