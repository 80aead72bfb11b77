/* Several clips of one length that run in step, of which one is heard.

   Every clip has a source of its own, all started at the same sample; to switch is to
   fade one gain out and another in, so nothing waits and nothing is lost. The context
   has the clips' own sample rate, so what is heard is what was embedded. */
(() => {
  "use strict";
  const { jaxamp } = globalThis;

  const FADE = 0.008; // seconds that a switch, a start or a stop takes
  const LEAD = 0.02; // seconds from asking to the first sample, to make all ready
  const contexts = new Map(); // sample rate -> the page's one context of it
  let heard = null; // the sound that plays; another that starts silences it

  class Sound extends EventTarget {
    #clips;
    #shared;
    #take = null;
    #at = 0;
    #region = null;
    #matched = true;
    #louder = false;
    #current;

    /* Decodes `{name: {flac, gain, label}}`; a clip may also say with what gain it
       plays unmatched (`plain`), how many dB a quiet one may be raised by
       (`louder_db`), and whether it is too quiet to be matched (`unmeasured`).
       `options.context` makes the context, for tests. */
    static async from(clips, options = {}) {
      const names = Object.keys(clips);
      const files = names.map((name) => bytes(clips[name].flac));
      const [rate, ...rates] = files.map(rateOf); // decoding takes the files away
      const shared = Object.assign(new EventTarget(), {
        rate, note: "", context: null, output: null, volume: 1, make: options.context,
      });
      const decoder = decoderFor(rate, shared);
      const buffers = await Promise.all(files.map((file) => decoder.decodeAudioData(file.buffer)));
      const [first, ...rest] = buffers;
      rest.forEach((buffer, i) => {
        if (buffer.length !== first.length || rates[i] !== rate)
          throw new Error(`${names[i + 1]} is not as long as ${names[0]}, or of another rate`);
      });
      const ready = names.map((name, i) => {
        const { gain = 1, plain = 1, label = name, louder_db = 0, unmeasured = false } = clips[name];
        return [name, { buffer: buffers[i], gain, plain, label, louder: louder_db, unmeasured }];
      });
      return new Sound(new Map(ready), shared);
    }

    constructor(clips, shared, { dip = 0 } = {}) {
      super();
      this.#clips = clips;
      this.#shared = shared;
      this.#current = clips.keys().next().value;
      this.dip = dip; // seconds of silence in a switch, for tests that must not tell
      shared.addEventListener("volume", () => this.#told());
    }

    /* The same clips under other names, with a state of its own but for the volume:
       what it says of itself tells nobody which clip is which. */
    part(names, options) {
      const clips = Object.entries(names).map(([name, of]) => {
        const { buffer, gain, unmeasured } = this.#clips.get(of);
        return [name, { buffer, gain, plain: gain, label: name, louder: 0, unmeasured }];
      });
      return new Sound(new Map(clips), this.#shared, options);
    }

    /* Of what was decoded; a browser that refuses the file's rate takes another. */
    get rate() { return this.#buffer.sampleRate; }
    get length() { return this.#buffer.length; }
    get seconds() { return this.#buffer.duration; }
    get names() { return [...this.#clips.keys()]; }
    get current() { return this.#current; }
    get playing() { return this.#take !== null; }
    /* What keeps this browser from playing the clips as they are, or "". */
    get note() { return this.#shared.note; }
    /* The node that everything goes through; there once it has played. */
    get output() { return this.#shared.output; }
    /* Whether all clips were loud enough to be played equally loud. */
    get measured() { return [...this.#clips.values()].every((clip) => !clip.unmeasured); }

    label(name) { return this.#clips.get(name).label; }
    samples(name) { return this.#clips.get(name).buffer.getChannelData(0); }
    /* The most that a clip may be raised by, in dB; 0 for those that are not quiet. */
    louderBy(name) { return this.#clips.get(name).louder; }

    get position() {
      const take = this.#take;
      if (!take) return this.#at;
      return place(take, this.#context().currentTime, this.seconds);
    }

    play(name = this.#current) {
      if (this.#take) return this.switchTo(name);
      if (heard && heard !== this) heard.pause();
      heard = this;
      this.#current = name;
      this.#context().resume?.().catch(() => {});
      this.#start(this.#at);
      this.#told();
      this.#tick();
    }

    switchTo(name) {
      const before = this.#current;
      this.#current = name;
      const gains = this.#take?.gains;
      if (gains && this.dip) this.#dipped(gains, name);
      else if (gains && before !== name) this.#levelled(this.#take);
      this.#told();
    }

    pause() {
      if (!this.#take) return;
      this.#at = this.position;
      this.#stop();
      this.#told();
    }

    toggle() { this.playing ? this.pause() : this.play(); }

    seek(seconds) {
      this.#at = Math.min(Math.max(seconds, 0), this.seconds);
      if (this.#take) this.#restart(this.#at);
      this.#told();
    }

    get region() { return this.#region; }
    set region(region) {
      this.#region = region ? this.#whole(region) : null;
      if (this.#take) this.#restart();
      else this.#at = this.#inside(this.#at);
      this.#told();
    }

    get matched() { return this.#matched; }
    set matched(on) { this.#matched = Boolean(on); this.#levels(); }
    /* Whether quiet clips, such as a difference, are raised to be heard. */
    get louder() { return this.#louder; }
    set louder(on) { this.#louder = Boolean(on); this.#levels(); }
    /* Of this sound and all its parts. */
    get volume() { return this.#shared.volume; }
    set volume(volume) {
      const shared = this.#shared;
      shared.volume = Math.min(Math.max(volume, 0), 1);
      shared.output?.gain.setTargetAtTime(shared.volume, this.#context().currentTime, 0.01);
      shared.dispatchEvent(new Event("volume"));
    }

    /* What a clip's samples are multiplied by when it is heard. */
    level(name) {
      const clip = this.#clips.get(name);
      const raised = this.#louder ? 10 ** (clip.louder / 20) : 1;
      return raised * (this.#matched ? clip.gain : clip.plain);
    }

    get #buffer() { return this.#clips.values().next().value.buffer; }

    #context() {
      const shared = this.#shared;
      shared.context ??= shared.make ? shared.make(shared.rate) : contextOf(shared);
      return shared.context;
    }

    #whole([from, to]) {
      const [first, last] = [from, to]
        .map((s) => Math.min(Math.max(Math.round(s * this.rate), 0), this.length))
        .sort((a, b) => a - b);
      const least = Math.min(Math.round(0.02 * this.rate), this.length);
      const end = Math.max(last, first + least);
      const over = Math.max(0, end - this.length);
      return [(first - over) / this.rate, (end - over) / this.rate];
    }

    /* A position, or the beginning of what is looped where it lies outside. */
    #inside(position) {
      const [from, to] = this.#region ?? [0, this.seconds];
      return position < from || position >= to ? from : position;
    }

    /* What everything goes through. */
    #out() {
      const shared = this.#shared, context = this.#context();
      if (!shared.output) {
        shared.output = context.createGain();
        shared.output.gain.value = shared.volume;
        shared.output.connect(context.destination);
      }
      return shared.output;
    }

    #start(position, when = this.#context().currentTime + LEAD) {
      const context = this.#context();
      const take = {
        when, position: this.#inside(position), region: this.#region,
        gains: new Map(), sources: [], fade: new Ramp(context, 0),
      };
      take.fade.node.connect(this.#out());
      for (const [name, clip] of this.#clips) {
        const gain = new Ramp(context, name === this.#current ? this.level(name) : 0);
        gain.node.connect(take.fade.node);
        take.gains.set(name, gain);
        take.sources.push(source(context, clip.buffer, take, gain.node));
      }
      const begun = take.position > 0 ? FADE : 0; // a beginning needs no fade
      take.fade.go([[when, 0], [when + begun, 1]]);
      take.sources[0].onended = () => this.#ended(take);
      this.#take = take;
    }

    /* A new take in place of the one that plays: from a position, or going on. */
    #restart(position) {
      const soon = this.#context().currentTime + LEAD;
      const at = position ?? place(this.#take, soon, this.seconds);
      this.#stop(soon);
      this.#start(at, soon);
    }

    #stop(when = this.#context().currentTime) {
      const take = this.#take;
      this.#take = null;
      take.fade.go([[when, take.fade.at(when)], [when + FADE, 0]]);
      take.sources.forEach((one) => one.stop(when + 2 * FADE));
    }

    #ended(take) {
      if (this.#take !== take) return;
      this.#take = null;
      this.#at = 0;
      this.#told();
    }

    #levels() {
      if (this.#take) this.#levelled(this.#take);
      this.#told();
    }

    /* One clip up, the others down, along straight lines: the clips are alike, so
       their sum does not sag. */
    #levelled(take) {
      const now = this.#context().currentTime;
      for (const [name, gain] of take.gains)
        gain.go([[now + FADE, name === this.#current ? this.level(name) : 0]]);
    }

    /* Out and in again, alike for every pair of clips and for a clip and itself. */
    #dipped(gains, name) {
      const now = this.#context().currentTime;
      const [middle, end] = [now + this.dip / 2, now + this.dip];
      for (const [one, gain] of gains) {
        const back = one === name ? [[end, this.level(name)]] : [];
        gain.go([[middle, 0], ...back]);
      }
    }

    #told() { this.dispatchEvent(new Event("change")); }

    #tick() {
      if (!this.#take) return;
      this.dispatchEvent(new Event("tick"));
      requestAnimationFrame(() => this.#tick());
    }
  }

  /* A gain whose value is known at any time: browsers differ in what they tell of a
     gain on its way. */
  class Ramp {
    constructor(context, value) {
      this.node = context.createGain();
      this.node.gain.value = value;
      this.context = context;
      this.points = [[-Infinity, value]];
    }

    at(time) {
      const after = this.points.findIndex(([when]) => when > time);
      if (after < 0) return this.points.at(-1)[1];
      const [[t0, v0], [t1, v1]] = [this.points[after - 1], this.points[after]];
      return t0 === -Infinity ? v0 : v0 + ((v1 - v0) * (time - t0)) / (t1 - t0);
    }

    go(points) {
      const now = this.context.currentTime;
      const from = [now, this.at(now)];
      const { gain } = this.node;
      gain.cancelScheduledValues(now);
      gain.setValueAtTime(from[1], now);
      for (const [when, value] of points) gain.linearRampToValueAtTime(value, when);
      this.points = [[-Infinity, from[1]], from, ...points];
    }
  }

  function source(context, buffer, take, to) {
    const node = context.createBufferSource();
    node.buffer = buffer;
    if (take.region) [node.loop, node.loopStart, node.loopEnd] = [true, ...take.region];
    node.connect(to);
    node.start(take.when, take.position);
    return node;
  }

  /* Where a take is at a time of its context, in seconds of the clip. */
  function place(take, time, seconds) {
    const on = take.position + Math.max(0, time - take.when);
    if (!take.region) return Math.min(on, seconds);
    const [from, to] = take.region;
    return on < to ? on : from + ((on - to) % (to - from));
  }

  function bytes(base64) {
    const text = atob(base64);
    const out = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
    return out;
  }

  /* Hz, from the header that every FLAC file begins with. */
  function rateOf(file) {
    return (file[18] << 12) | (file[19] << 4) | (file[20] >> 4);
  }

  function decoderFor(rate, shared) {
    try {
      return new OfflineAudioContext(1, 1, rate);
    } catch {
      shared.note = `This browser cannot work at ${rate} Hz: what you hear is resampled.`;
      return new OfflineAudioContext(1, 1, 48000);
    }
  }

  /* The page's context of the clips' rate, or the browser's own with a note. */
  function contextOf(shared) {
    const { rate } = shared;
    if (!contexts.has(rate)) {
      let context;
      try {
        context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
      } catch {
        context = new AudioContext();
      }
      contexts.set(rate, context);
    }
    const context = contexts.get(rate);
    if (context.sampleRate !== rate)
      shared.note = `This browser plays at ${context.sampleRate} Hz only: what you hear is resampled from ${rate} Hz.`;
    return context;
  }

  jaxamp.Sound = Sound;
})();
