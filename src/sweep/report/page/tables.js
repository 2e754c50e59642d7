// Tables sort by a click on a heading; long ones can be filtered; wide ones scroll in their box.
(() => {
  "use strict";
  const LONG = 15;
  const words = JSON.parse(document.getElementById("words").textContent);
  // A number, or a bound or an approximation of one, before whatever follows it: a unit, the end of an interval.
  const NUMBER = /^[\s~≈<>≤≥±(×]*([+-]?)\s*(\d[\d,]*\.?\d*(?:e[+-]?\d+)?)/i;
  const NO_NUMBER = /^\d{4}-\d\d|^\d+[:.]\d+[:.]\d/; // a date, a time, a version
  const minus = (text) => text.replaceAll("−", "-");
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // The number that a text starts with; null for any other text, such as a date or a name.
  const number = (text, own) => {
    const bare = minus(text.trim());
    if (bare.replace(/^[+-]/, "") === own.infinite) return bare.startsWith("-") ? -Infinity : Infinity;
    const found = NO_NUMBER.test(bare) ? null : NUMBER.exec(bare);
    return found ? Number((found[1] + found[2]).replaceAll(",", "")) : null;
  };

  const order = (rows, column, down, language) => {
    const own = words[language];
    const cells = rows.map((row) => {
      const text = (row.cells[column]?.textContent ?? "").trim();
      return { row, text, number: number(text, own), missing: !text || own.missing.includes(text) };
    });
    const there = cells.filter((cell) => !cell.missing);
    const numeric = there.filter((cell) => cell.number !== null).length * 2 >= there.length;
    if (numeric) for (const cell of cells) cell.missing ||= cell.number === null;
    const compare = new Intl.Collator(language, { numeric: true }).compare;
    const by = (a, b) => (numeric ? (a.number === b.number ? 0 : a.number < b.number ? -1 : 1) : compare(a.text, b.text));
    return cells
      .sort((a, b) => a.missing - b.missing || (a.missing ? 0 : by(a, b) * (down ? -1 : 1)))
      .map((cell) => cell.row);
  };

  const sortable = (table, language) => {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.title = fill(words[language].sort, { column: head.textContent });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[head.getAttribute("aria-sort")];
        for (const other of heads) other.removeAttribute("aria-sort");
        if (next !== null) head.setAttribute("aria-sort", next ?? "ascending");
        body.append(...(next === null ? original : order(original, column, next === "descending", language)));
      });
    });
  };

  const filterable = (box, table, language) => {
    const rows = [...table.tBodies[0].rows];
    const bar = document.createElement("p");
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("output");
    bar.className = "filter";
    input.type = "search";
    label.append(words[language].filter, " ", input);
    bar.append(label, " ", count);
    box.before(bar);
    box.classList.add("long");
    input.addEventListener("input", () => {
      const asked = input.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(asked);
      const shown = rows.filter((row) => !row.hidden).length;
      count.textContent = asked ? fill(words[language].rows, { shown, all: rows.length }) : "";
    });
  };

  // A box that scrolls can be reached with the keyboard.
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
      target.classList.toggle("scrolls", scrolls);
      if (scrolls) target.setAttribute("tabindex", "0");
      else target.removeAttribute("tabindex");
    }
  });

  // Reports that are not shown are left alone until they are.
  const ready = new WeakSet();
  document.addEventListener("report:shown", ({ detail: article }) => {
    if (ready.has(article)) return;
    ready.add(article);
    const language = article.closest("[lang]").lang;
    for (const box of article.querySelectorAll(".table")) {
      const table = box.querySelector("table");
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", words[language].table);
      watch.observe(box);
      const rows = table.tBodies[0]?.rows.length ?? 0;
      if (rows > 1) sortable(table, language);
      if (rows > LONG) filterable(box, table, language);
    }
  });
})();
