/* Puts a report together once everything is there. */
(async () => {
  "use strict";
  const { jaxamp } = globalThis;
  const found = (id) => document.getElementById(id);

  const show = jaxamp.charts();
  const { knobs } = jaxamp.data;
  const turned = knobs && jaxamp.knobs(found("sliders"), knobs, show);
  try {
    const sound = await jaxamp.Sound.from(jaxamp.data.clips);
    jaxamp.sound = sound;
    jaxamp.player(found("player"), sound, ["di", "target", "prediction", "difference"]);
    jaxamp.waves(found("wave-view"), sound);
    jaxamp.listening(found("blind-test"), sound, {
      amp: "target", model: "prediction", about: jaxamp.data.about,
    });
  } catch (error) {
    found("trouble").textContent =
      `The clips cannot be played in this browser (${error.message}). Try a newer one.`;
    found("trouble").hidden = false;
    throw error;
  } finally {
    document.documentElement.dataset.ready = "yes";
  }
  try {
    await turned?.listen(); // after all else is there: it has the most clips
  } catch (error) {
    found("knob-trouble").textContent =
      `The settings cannot be played in this browser (${error.message}). Try a newer one.`;
    found("knob-trouble").hidden = false;
    throw error;
  }
})();
