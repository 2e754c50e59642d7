// Figures are drawn when they come into view, in the page's colours, and again when those change.
(() => {
  "use strict";
  const NARROW = 560;
  const TOOLBAR = 36; // pixels above a plot for Plotly's buttons
  const PRINTED = 680; // pixels: the width of an A4 page less its margins
  const BUTTONS = ["toImage", "zoom2d", "pan2d", "resetScale2d"];
  const values = JSON.parse(document.getElementById("figures").textContent);
  const words = JSON.parse(document.getElementById("words").textContent);
  const family = getComputedStyle(document.body).fontFamily;
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const sandboxed = window.parent !== window && window.origin === "null"; // no download leaves a sandbox
  const drawn = new Map(); // plot -> whether it was drawn for a narrow page
  const queue = new Map(); // plot -> its drawing under way
  let printing = false;

  for (const [language, own] of Object.entries(words)) {
    Plotly.register({ moduleType: "locale", name: `${language}-page`, dictionary: own.plotly, format: {} });
  }

  // A fresh copy of a value with what it refers to in its place: Plotly writes into what it is given.
  const whole = (value) => {
    if (Array.isArray(value)) return value.map(whole);
    if (!value || typeof value !== "object") return value;
    if (Number.isInteger(value.$)) return whole(values[value.$]);
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, whole(item)]));
  };

  const PAPER = "#ffffff";
  const defaults = {
    paper_bgcolor: PAPER, plot_bgcolor: PAPER, font: { color: "#1f2328" }, hoverlabel: { bgcolor: PAPER },
    margin: { l: 64, r: 24, t: 40, b: 56 },
    modebar: { bgcolor: "rgba(255,255,255,0)", color: "#6e7781", activecolor: "#1f2328" },
  };

  const layoutOf = ({ layout: given, data }, narrow) => {
    const layout = { ...defaults, ...given, autosize: true };
    layout.font = { ...defaults.font, ...given.font, family };
    delete layout.width;
    const top = Math.max(TOOLBAR - (layout.margin.t ?? 100), 0);
    layout.margin = { ...layout.margin, t: (layout.margin.t ?? 100) + top };
    layout.height = (layout.height ?? 400) + top;
    if (printing) return { ...layout, autosize: false, width: PRINTED };
    const entries = given.showlegend === false ? 0 : data.filter((trace) => trace.name && trace.showlegend !== false).length;
    return narrow ? window.stacked(layout, entries) : layout;
  };

  const drawNow = async (plot) => {
    const figure = whole(values[plot.parentElement.dataset.figure]);
    const language = plot.closest("[lang]").lang;
    const narrow = plot.clientWidth < NARROW;
    drawn.set(plot, narrow);
    const dark = scheme.matches && !printing;
    const colored = (part) => (dark ? window.themed(part) : part);
    const config = {
      responsive: !printing, displaylogo: false, displayModeBar: "hover",
      locale: `${language}-page`,
      modeBarButtons: [sandboxed ? BUTTONS.slice(1) : BUTTONS],
    };
    try {
      const layout = layoutOf(figure, narrow);
      plot.style.height = `${layout.height}px`; // a figure that fits the page's width takes its height from here
      await Plotly.react(plot, colored(figure.data), colored(layout), config);
    } catch (error) {
      plot.textContent = words[language].not_drawn;
      console.warn(error);
    }
  };

  // One drawing of a plot ends before its next one begins, and each shows the page as it is by then.
  const draw = (plot) => {
    const last = queue.get(plot);
    const next = last ? last.then(() => drawNow(plot)) : drawNow(plot);
    queue.set(plot, next);
    next.then(() => queue.get(plot) === next && queue.delete(plot));
  };

  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        draw(target);
      }
    },
    { rootMargin: "300px" },
  );

  const again = () => {
    for (const plot of drawn.keys()) observer.observe(plot); // drawn now if in view, otherwise when it comes into view
    drawn.clear();
  };

  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      for (const [plot, narrow] of drawn) {
        if (plot.clientWidth && plot.clientWidth < NARROW !== narrow) draw(plot);
      }
    }, 200);
  });
  document.addEventListener("report:shown", ({ detail: article }) => {
    for (const plot of drawn.keys()) if (article.contains(plot)) Plotly.Plots.resize(plot); // the window may have changed
  });
  scheme.addEventListener("change", again);
  window.addEventListener("beforeprint", () => {
    printing = true;
    for (const plot of document.querySelectorAll(".edition:not([hidden]) article:not([hidden]) .plot")) draw(plot);
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    again();
  });

  // Plotly measures its labels: the embedded font has to be there first.
  const start = () => document.querySelectorAll("figure .plot").forEach((plot) => observer.observe(plot));
  document.fonts.load(`16px ${family}`, "가").then(start, start);
})();
