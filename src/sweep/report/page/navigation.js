// One report is shown at a time. Nothing navigates: a viewer's sandbox may not allow it, and a srcdoc has no address.
(() => {
  "use strict";
  const words = JSON.parse(document.getElementById("words").textContent);
  const editions = [...document.querySelectorAll(".edition")];
  const framed = window.parent !== window;
  // A frame without an origin is a sandbox: MLflow's, for one, opens no other page.
  const sandboxed = framed && window.origin === "null";

  const wanted = (hash) => {
    let id = hash.slice(1);
    try { id = decodeURIComponent(id); } catch { /* as it is */ }
    const found = id && (document.getElementById(id) || document.getElementById(id.slice(0, id.lastIndexOf("/"))));
    return found && found.closest("article") ? found : null;
  };

  const shown = () => document.querySelector(".edition:not([hidden]) article:not([hidden])");

  const show = (target) => {
    const article = target.closest("article");
    const edition = article.closest(".edition");
    for (const other of editions) other.hidden = other !== edition;
    for (const other of edition.querySelectorAll("article")) other.hidden = other !== article;
    for (const link of edition.querySelectorAll(".contents a")) {
      if (link.hash && wanted(link.hash) === article) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.documentElement.lang = edition.lang;
    document.title = article.dataset.title;
    edition.querySelector(".contents [aria-current]")?.scrollIntoView({ block: "nearest" });
    if (target === article) window.scrollTo(0, 0);
    else target.scrollIntoView();
    document.dispatchEvent(new CustomEvent("report:shown", { detail: article }));
  };

  const go = (target, focus = true) => {
    show(target);
    if (focus) target.closest("article").focus({ preventScroll: true });
    if (!framed) history.pushState(null, "", `#${target.id}`); // in a frame, Back belongs to the page around it
  };

  // The same report in another language, at the heading that is at the top now.
  const translated = (language) => {
    const article = shown();
    const twin = document.getElementById(language + article.id.slice(article.id.split("/")[0].length));
    if (!twin) return document.getElementById(language);
    const [mine, theirs] = [article, twin].map((part) => [...part.querySelectorAll("h2, h3")]);
    const passed = mine.filter((heading) => heading.getBoundingClientRect().top < window.innerHeight / 3).length;
    return (mine.length === theirs.length && window.scrollY > 0 && theirs[passed - 1]) || twin;
  };

  const tell = (text, address) => {
    document.querySelector(".notice")?.remove();
    const own = words[document.documentElement.lang];
    const notice = document.createElement("div");
    notice.className = "notice";
    notice.setAttribute("role", "status");
    const link = document.createElement("code");
    link.textContent = address;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = own.close;
    close.addEventListener("click", () => notice.remove());
    notice.append(own[text], " ", link, close);
    document.body.append(notice);
  };

  const narrow = window.matchMedia("(max-width: 60rem)");
  const fold = () => document.querySelectorAll(".contents").forEach((part) => { part.open = !narrow.matches; });
  narrow.addEventListener("change", fold);
  fold();

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.dataset.language) {
      event.preventDefault();
      go(translated(link.dataset.language), false);
      document.querySelector(".edition:not([hidden]) [data-language][aria-current]").focus({ preventScroll: true });
    } else if (link.getAttribute("href").startsWith("#")) {
      event.preventDefault();
      const target = link.classList.contains("skip") ? shown() : wanted(link.getAttribute("href"));
      if (target) go(target);
      if (narrow.matches && link.closest(".contents")) fold();
    } else if (sandboxed) {
      event.preventDefault();
      tell("blocked", link.href);
    }
  });
  window.addEventListener("popstate", () => show(wanted(location.hash) || document.querySelector("article")));

  show(wanted(location.hash) || document.querySelector("article"));
})();
