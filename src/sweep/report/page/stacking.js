// A figure of several panels beside each other, for a narrow page: the panels one below the other, the legend last.
window.stacked = (() => {
  "use strict";
  const GAP = 64; // pixels between two panels: the lower ends of the upper one's axis
  const TITLE = 24; // pixels for the title of a panel
  const TALLEST = 260; // pixels of a panel
  const ENTRY = 20; // pixels for an entry of the legend, each on a line of its own
  const size = ([low, high]) => high - low;

  // The panels in reading order, each with the domains that its axes have.
  const panelsOf = (layout) =>
    Object.keys(layout)
      .filter((name) => /^xaxis\d*$/.test(name))
      .map((x) => ({ x, y: `yaxis${(layout[x].anchor ?? "y").slice(1)}` }))
      .filter(({ y }) => layout[y])
      .map(({ x, y }) => ({ x, y, across: layout[x].domain ?? [0, 1], up: layout[y].domain ?? [0, 1] }))
      .sort((a, b) => b.up[1] - a.up[1] || a.across[0] - b.across[0]);

  const outside = (value, [low, high]) => Math.max(low - value, value - high, 0);

  // A title keeps its place on its panel.
  const moved = (note, panels, domains) => {
    if (note.xref !== "paper" || note.yref !== "paper") return note;
    const far = panels.map(({ across, up }) => outside(note.x, across) + outside(note.y, up));
    const index = far.indexOf(Math.min(...far));
    const { across, up } = panels[index];
    const y = domains[index][0] + ((note.y - up[0]) / size(up)) * size(domains[index]);
    return { ...note, x: (note.x - across[0]) / size(across), y };
  };

  const withPanels = (layout, panels) => {
    const margin = { t: 40, b: 56, ...layout.margin };
    const gap = GAP + (layout.annotations?.length ? TITLE : 0);
    const inner = (layout.height ?? 400) - margin.t - margin.b;
    const heights = panels.map(({ up }) => Math.min(inner * size(up), TALLEST));
    const total = heights.reduce((sum, height) => sum + height + gap, -gap);
    const out = { ...layout, height: total + margin.t + margin.b };
    let top = total;
    const domains = panels.map(({ x, y, up }, index) => {
      const domain = [(top - heights[index]) / total, top / total].map((part) => Math.min(Math.max(part, 0), 1));
      top -= heights[index] + gap;
      const first = layout[panels.find((panel) => panel.up[1] === up[1]).y]; // of the same row: it has the labels
      const title = layout[y].title?.text ? layout[y].title : first.title;
      out[x] = { ...layout[x], domain: [0, 1] };
      out[y] = { ...layout[y], domain, title, showticklabels: true };
      return domain;
    });
    out.annotations = layout.annotations?.map((note) => moved(note, panels, domains));
    return out;
  };

  return (given, entries) => {
    const panels = panelsOf(given);
    const layout = panels.length > 1 ? withPanels(given, panels) : given;
    const space = 12 + ENTRY * entries;
    const legend = { orientation: "h", x: 0, xanchor: "left", yref: "container", y: 0, yanchor: "bottom" };
    return {
      ...layout,
      height: (layout.height ?? 400) + space,
      font: { ...layout.font, size: Math.min(layout.font?.size ?? 12, 11) },
      margin: { ...layout.margin, r: 12, b: (layout.margin?.b ?? 56) + space },
      legend: { ...layout.legend, ...legend },
    };
  };
})();
