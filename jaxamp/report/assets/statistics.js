/* What a result means: the binomial test, its power, and means with their intervals. */
(() => {
  "use strict";
  const { jaxamp } = globalThis;

  const LEVEL = 0.05; // what counts as shown

  /* The ways to choose k of n; whole and exact up to n = 50. */
  function choose(n, k) {
    let ways = 1;
    for (let i = 1; i <= Math.min(k, n - k); i++) ways = (ways * (n - i + 1)) / i;
    return ways;
  }

  /* The probability of at least k right of n, each right with probability p: for
     p = 1/2 the one-sided p-value of the exact binomial test against guessing. */
  function atLeast(k, n, p = 0.5) {
    let sum = 0;
    for (let i = n; i >= k; i--) sum += choose(n, i) * p ** i * (1 - p) ** (n - i);
    return Math.min(1, sum);
  }

  /* The fewest right of n whose p-value lies below the level; n + 1 where none does. */
  function needed(n, level = LEVEL) {
    let k = n + 1;
    while (k > 0 && atLeast(k - 1, n) < level) k--;
    return k;
  }

  /* The probability that n trials show nothing of a listener who is right at a rate. */
  function missed(n, rate, level = LEVEL) {
    return 1 - atLeast(needed(n, level), n, rate);
  }

  function mean(values) {
    return values.reduce((a, b) => a + b, 0) / values.length;
  }

  /* Half the 95 % interval of the mean by Student's t; null of a single value. */
  function halfInterval(values) {
    const n = values.length;
    if (n < 2) return null;
    const middle = mean(values);
    const variance = values.reduce((sum, v) => sum + (v - middle) ** 2, 0) / (n - 1);
    return studentQuantile(0.95, n - 1) * Math.sqrt(variance / n);
  }

  /* The t that |T| stays below with a probability, for whole degrees of freedom. */
  function studentQuantile(inside, degrees) {
    let [low, high] = [0, 1];
    while (studentInside(high, degrees) < inside) high *= 2;
    for (let i = 0; i < 100; i++) {
      const middle = (low + high) / 2;
      if (studentInside(middle, degrees) < inside) low = middle;
      else high = middle;
    }
    return high;
  }

  /* P(|T| < t). Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4. */
  function studentInside(t, degrees) {
    const angle = Math.atan(t / Math.sqrt(degrees));
    const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
    const odd = degrees % 2;
    let [term, sum] = odd ? [cosine, degrees > 1 ? cosine : 0] : [1, 1];
    for (let i = 2 + odd; i <= degrees - 2; i += 2) {
      term *= (cosine * cosine * (i - 1)) / i;
      sum += term;
    }
    return odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
  }

  /* A probability as people read it. */
  function shownP(p) {
    return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
  }

  jaxamp.statistics = { LEVEL, atLeast, needed, missed, mean, halfInterval, shownP };

  /* True or false with equal chances, from the browser's cryptographic source. */
  jaxamp.coin = () => (crypto.getRandomValues(new Uint8Array(1))[0] & 1) === 1;

  /* The items in an order of which all are as likely (Fisher and Yates). */
  jaxamp.shuffled = (items) => {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = below(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  };

  /* A whole number below n; what would favour the low ones is drawn again. */
  function below(n) {
    const most = Math.floor(2 ** 32 / n) * n;
    let drawn;
    do drawn = crypto.getRandomValues(new Uint32Array(1))[0];
    while (drawn >= most);
    return drawn % n;
  }
})();
