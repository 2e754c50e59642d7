// A figure is made for white paper. On a dark page its greys change sides, and its colours stay what they are.
window.themed = (() => {
  "use strict";
  const PAPER = [22, 27, 34]; // --paper of the dark page
  const INK = [230, 237, 243];
  const NAMED = { white: 255, whitesmoke: 245, lightgray: 211, lightgrey: 211, silver: 192, darkgray: 169, darkgrey: 169, gray: 128, grey: 128, dimgray: 105, dimgrey: 105, black: 0 };
  const HEX = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i;
  const RGB = /^rgba?\(([^)]+)\)$/i;

  const parts = (text) => {
    const grey = NAMED[text.toLowerCase()];
    if (grey !== undefined) return [grey, grey, grey, 1];
    if (HEX.test(text)) {
      const digits = text.length === 4 ? [...text.slice(1)].map((digit) => digit + digit) : text.slice(1).match(/../g);
      return [...digits.map((digit) => parseInt(digit, 16)), 1];
    }
    const found = RGB.exec(text)?.[1].split(",").map(Number);
    return found && found.every(Number.isFinite) && found.length > 2 ? [...found.slice(0, 3), found[3] ?? 1] : null;
  };

  const turned = (text) => {
    const [red, green, blue, alpha] = parts(text) ?? [];
    if (red === undefined || Math.max(red, green, blue) - Math.min(red, green, blue) > 30) return text;
    const light = (red + green + blue) / 3 / 255;
    const mixed = INK.map((ink, index) => Math.round(ink + (PAPER[index] - ink) * light));
    return `rgba(${mixed.join(",")},${alpha})`;
  };

  // A word is a colour where its attribute is called so: a class that is called "white" stays white.
  const dark = (value, isColor = false) => {
    if (typeof value === "string") return isColor ? turned(value) : value;
    if (Array.isArray(value)) return value.map((item) => dark(item, isColor));
    if (!value || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, dark(item, /color(way|scale)?$/i.test(name))]),
    );
  };
  return dark;
})();
