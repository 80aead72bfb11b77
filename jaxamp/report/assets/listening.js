/* Blind listening: which of two is the amp, and ABX.

   What is played and what is right is known to nothing but a closure: the page's
   elements, their order, the levels and the switches are the same whatever the answer.
   Every switch dips for a moment, also from a clip to itself, since the jump between two
   clips in step could be heard even where they sound alike. */
(() => {
  "use strict";
  const { jaxamp } = globalThis;
  const { element, button, statistics } = jaxamp;

  const DIP = 0.04; // seconds
  const RATE = 0.7; // right answers of the listener that the power is told for

  const KINDS = {
    guess: {
      title: "Which one is the amp?", least: 1, most: 50, usual: 5,
      clips: ["A", "B"], answers: ["A is the amp", "B is the amp"],
      about: "A and B are the amp and the model in random order.",
      shows: "you know which one is the amp",
    },
    abx: {
      title: "ABX", least: 8, most: 50, usual: 16,
      clips: ["A", "X", "B"], answers: ["X is A", "X is B"],
      about: "A is the amp, B the model, X one of the two, drawn anew for each trial.",
      shows: "you hear a difference",
    },
  };

  /* Fills an element with the blind test of two clips of a sound.

     `about` is kept in the saved file: {model, capture, version}. */
  jaxamp.listening = (root, sound, { amp, model, about = {} }) => {
    root.classList.add("test");
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Blind listening");
    root.tabIndex = -1;
    const clips = sound.part({ amp, model }, { dip: DIP });
    const gains = { amp: sound.level(amp), model: sound.level(model) };
    const said = jaxamp.announcer();
    const place = element("div");
    root.replaceChildren(place, said);
    const view = {};
    jaxamp.keys(root, () => view.keys ?? {});
    const show = ({ parts, keys = {}, told = false }) => {
      said.classList.toggle("unseen", told);
      const first = view.parts === undefined;
      Object.assign(view, { parts, keys });
      place.replaceChildren(...parts);
      if (!first) place.querySelector("h3[tabindex], input:checked").focus();
    };
    const test = {
      clips, show, gains, about, newView: jaxamp.views(),
      say: (words) => (said.textContent = words),
    };
    show(setup(test, "abx"));
  };

  const heading = (words) => element("h3", { tabindex: "-1" }, words);

  /* --- before ------------------------------------------------------------------- */

  function setup(test, kind) {
    const { clips } = test;
    const signal = test.newView();
    const known = KINDS[kind];
    const amp = () => (clips.playing ? clips.pause() : clips.play("amp"));
    const trials = element("input", {
      type: "number", min: known.least, max: known.most, value: known.usual,
      oninput: () => tell(),
    });
    const power = element("p", { class: "faint" });
    const count = () => Math.round(Number(trials.value));
    const fits = () => count() >= known.least && count() <= known.most;
    const tell = () => (power.textContent = fits() ? powerOf(count(), known) : "");
    const start = () => {
      if (fits()) return run(test, kind, count());
      test.say(`Choose ${known.least} to ${known.most} trials.`);
    };
    tell();
    return {
      keys: { " ": amp, ...regionKeys(clips, signal) },
      parts: [
        element("h3", {}, "Do you hear a difference?"),
        kinds(test, kind),
        element("p", {}, `${known.about} ${jaxamp.matchedWords(clips.measured)} Answers stay hidden until the end.`),
        element("label", { class: "choice" }, "Trials", trials,
          element("span", { class: "faint" }, `${known.least} to ${known.most}`)),
        power,
        jaxamp.strip(clips, clips.names, { signal }),
        element("p", { class: "faint" },
          "Choose a short passage to loop: drag over the picture, or use the buttons."),
        jaxamp.regionButtons(clips, { signal }),
        element("div", { class: "row" },
          button("Start the test", "", start, { class: "primary" }),
          button("Hear the amp", "Space", amp), jaxamp.volume(clips, { signal })),
      ],
    };
  }

  function kinds(test, chosen) {
    const choices = Object.entries(KINDS).map(([kind, { title }]) => {
      const radio = element("input", {
        type: "radio", name: "kind", value: kind,
        onchange: () => test.show(setup(test, kind)),
      });
      radio.checked = kind === chosen;
      return element("label", { class: "choice" }, radio, title);
    });
    return element("fieldset", {}, element("legend", {}, "Test"), ...choices);
  }

  function powerOf(n, { shows }) {
    const needed = statistics.needed(n);
    if (needed > n)
      return `${n} trials are too few to show anything: all of them are guessed right with probability ${(0.5 ** n).toFixed(2)}.`;
    return `${needed} of ${n} right would show that ${shows} (p < 0.05). ${missing(n)}`;
  }

  function missing(n) {
    const misses = Math.round(100 * statistics.missed(n, RATE));
    return `A listener who is right in ${100 * RATE} % of the trials would go unnoticed with a probability of ${misses} %.`;
  }

  function regionKeys(clips, signal) {
    const region = jaxamp.regionSetters(clips, { signal });
    return { l: region.toggle, "[": region.from, "]": region.to };
  }

  /* --- during ------------------------------------------------------------------- */

  function run(test, kind, count) {
    const { clips, say } = test;
    const signal = test.newView();
    const begun = new Date();
    const trials = [];
    let now = drawn();
    clips.pause();

    const hear = (name) => {
      now.heard[name] = (now.heard[name] ?? 0) + 1;
      playing = name;
      clips.play(clipOf(kind, name, now.truth));
      say(`${position()}. Playing ${name}.`);
      mark();
    };
    const answer = (given) => {
      if (!needs(kind).every((name) => now.heard[name]))
        return say(`${position()}. Listen to ${needs(kind).join(" and ")} before you answer.`);
      trials.push(finished(now, given, trials.length + 1, clips.region));
      clips.pause();
      if (trials.length === count) return test.show(results(test, record(true)));
      now = drawn();
      playing = null;
      mark();
      say(`Answer kept. ${position()}. Nothing has been played yet.`);
    };
    const stop = jaxamp.twice("Stop the test", "Escape", {
      ask: () => say("Stop? Esc again stops: the test then counts as not finished. Anything else goes on."),
      off: () => say(`${position()}. It goes on.`),
      act: () => { clips.pause(); test.show(results(test, record(false))); },
      signal,
    });
    const pause = () => {
      if (!playing) return hear(KINDS[kind].clips[0]);
      clips.toggle();
      say(`${position()}. ${clips.playing ? `Playing ${playing}` : "Paused"}.`);
    };
    const record = (whole) => recordOf(test, kind, count, begun, trials, whole);
    const position = () => `Trial ${trials.length + 1} of ${count}`;

    let playing = null;
    const title = heading(position());
    const hearing = KINDS[kind].clips.map((name) =>
      button(name, name.toLowerCase(), () => hear(name), { "aria-pressed": "false" }));
    const mark = () => {
      title.textContent = position();
      KINDS[kind].clips.forEach((name, i) =>
        hearing[i].setAttribute("aria-pressed", String(name === playing)));
    };
    const [first, second] = [() => answer("A"), () => answer("B")];
    test.show({
      parts: [
        title,
        element("p", { class: "faint" }, `${KINDS[kind].about} ${jaxamp.matchedWords(clips.measured)}`),
        element("div", { class: "hear", role: "group", "aria-label": "Hear" }, ...hearing),
        element("div", { class: "answers", role: "group", "aria-label": "Answer" },
          button(KINDS[kind].answers[0], "1", first),
          button(KINDS[kind].answers[1], "2", second)),
        jaxamp.strip(clips, clips.names, { signal }),
        jaxamp.regionButtons(clips, { signal }),
        element("div", { class: "row" },
          button("Play or pause", "Space", pause), stop.button,
          jaxamp.volume(clips, { signal })),
      ],
      keys: {
        ...Object.fromEntries(KINDS[kind].clips.map(
          (name) => [name.toLowerCase(), () => hear(name)])),
        1: first, 2: second, ArrowLeft: first, ArrowRight: second,
        " ": pause, Escape: stop.use,
        ...regionKeys(clips, signal),
      },
    });
    say(`${position()}. Listen, then answer.`);
  }

  /* A trial whose right answer is drawn: what X is, or which one is the amp. */
  function drawn() {
    return { truth: jaxamp.coin() ? "A" : "B", heard: {}, since: performance.now() };
  }

  /* What must have been heard before an answer counts. */
  function needs(kind) {
    return kind === "abx" ? ["X"] : ["A", "B"];
  }

  function clipOf(kind, name, truth) {
    const asked = name === "X" ? truth : name;
    const amp = kind === "abx" ? "A" : truth;
    return asked === amp ? "amp" : "model";
  }

  function finished({ truth, heard, since }, answer, trial, region) {
    const seconds = Math.round(performance.now() - since) / 1000;
    return { trial, truth, answer, correct: answer === truth, seconds, heard, region };
  }

  function recordOf({ clips, gains, about }, kind, count, begun, trials, whole) {
    const correct = trials.filter((trial) => trial.correct).length;
    return {
      test: kind, finished: whole, date: begun.toISOString(), ...about,
      sample_rate: clips.rate, level_match: jaxamp.levelMatch(clips.measured), gains,
      trials_wanted: count, trials, correct,
      p_value: whole ? statistics.atLeast(correct, count) : null,
    };
  }

  /* --- after -------------------------------------------------------------------- */

  function results(test, record) {
    test.newView();
    const words = record.finished ? meaning(record) : [
      `Not finished: ${record.trials.length} of ${record.trials_wanted} trials were answered, so nothing is counted.`];
    test.say(words.join(" "));
    const name = `${record.test}_${jaxamp.fileName(record.model ?? "model")}_${jaxamp.stamp(new Date(record.date))}`;
    return {
      told: true, // the page shows what is read out
      parts: [
        heading(record.finished ? `${record.correct} of ${record.trials.length} right` : "Stopped"),
        ...words.map((sentence) => element("p", { class: "result" }, sentence)),
        ...(record.finished ? [table(record)] : []),
        element("div", { class: "row" },
          button("Save as JSON", "", () =>
            jaxamp.save(`${name}.json`, JSON.stringify(record, null, 2) + "\n", "application/json")),
          button("Save as CSV", "", () => jaxamp.save(`${name}.csv`, asCsv(record), "text/csv")),
          button("Another test", "", () => test.show(setup(test, record.test)))),
      ],
    };
  }

  function meaning({ test, trials, p_value: p }) {
    const n = trials.length;
    const { shows } = KINDS[test];
    const chance = `By guessing alone, so many right or more come in ${(100 * p).toPrecision(3)} % of such tests (${statistics.shownP(p)}).`;
    if (p < statistics.LEVEL)
      return [chance, `Below 5 % that counts as shown: ${shows} in this passage. How large the difference is, the test does not say; and up to one in twenty tests by guessing comes out like this.`];
    const power = statistics.needed(n) > n
      ? `${n} trials are too few to show anything.` : missing(n);
    const other = test === "guess"
      ? " Who takes the one for the other again and again hears a difference too: ABX counts that." : "";
    return [chance, `That ${shows} is not shown with ${n} trials, which does not prove the contrary.${other} ${power}`];
  }

  function table({ test, trials }) {
    const head = ["Trial", test === "abx" ? "X was" : "Amp was", "You said", "Seconds"];
    return jaxamp.table("Your answers", head, trials.map((t) =>
      [t.trial, t.truth, `${t.answer} ${t.correct ? "✓" : "✗"}`, t.seconds.toFixed(1)]));
  }

  function asCsv(record) {
    const head = ["test", "finished", "date", "model", "capture", "version", "trial", "truth",
      "answer", "correct", "seconds", "region_from", "region_to", "gain_amp", "gain_model"];
    const rows = record.trials.map((t) => [
      record.test, record.finished, record.date, record.model, record.capture,
      record.version, t.trial, t.truth, t.answer, t.correct, t.seconds,
      t.region?.[0], t.region?.[1], record.gains.amp, record.gains.model]);
    return jaxamp.csv([head, ...rows]);
  }
})();
