"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const lines = new Map(); // id -> { node, box, read, words, page }
  let unsaved = false;

  const make = (tag, name, parent, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  const least = () => Number(byId("least").value) / 100;
  const textOf = (node) => node.textContent.replace(/\u00a0/g, " ").replace(/[\r\n]+/g, " ").trim();

  function place(box, page, parent, name) {
    const node = make("div", "box " + name, parent);
    const [x0, y0, x1, y1] = box;
    node.style.left = (100 * x0) / page.width + "%";
    node.style.top = (100 * y0) / page.height + "%";
    node.style.width = (100 * (x1 - x0)) / page.width + "%";
    node.style.height = (100 * (y1 - y0)) / page.height + "%";
    return node;
  }

  // Put a line's words into its node, doubtful ones marked. A line that was edited is plain text.
  function show(line, text) {
    line.node.replaceChildren();
    const plain = text !== line.read || !line.words.length;
    let doubt = plain && line.sure !== null && text === line.read && line.sure < least();
    if (plain) {
      if (doubt) make("mark", "", line.node, text);
      else line.node.textContent = text;
    } else {
      let at = 0;
      for (const [word, sure] of line.words) {
        const start = text.indexOf(word, at);
        if (start < 0) break;
        if (start > at) line.node.append(text.slice(at, start));
        if (sure !== null && sure < least()) {
          const mark = make("mark", sure < least() / 2 ? "low" : "", line.node, word);
          mark.title = Math.round(100 * sure) + " % sure";
          doubt = true;
        } else line.node.append(word);
        at = start + word.length;
      }
      if (at < text.length) line.node.append(text.slice(at));
    }
    line.doubt = doubt;
    state(line, text);
  }

  function state(line, text) {
    const edited = text !== line.read;
    line.text = text;
    line.node.classList.toggle("edited", edited);
    line.node.classList.toggle("gone", edited && !text && !line.added);
    if (edited) line.node.title = line.added ? "" : "read: " + line.read;
    else line.node.removeAttribute("title");
    if (line.box) line.box.classList.toggle("doubt", line.doubt && !edited);
  }

  function point(line, on) {
    line.node.classList.toggle("at", on);
    if (line.box) line.box.classList.toggle("at", on);
    if (on && line.box) {
      const frame = line.box.closest(".scan");
      const top = line.box.offsetTop - frame.clientHeight / 2;
      if (line.box.offsetTop < frame.scrollTop || line.box.offsetTop > frame.scrollTop + frame.clientHeight - 40)
        frame.scrollTop = top;
    }
  }

  function addLine(id, read, facts, page, parent, sheet) {
    const node = make("span", "line" + (facts.bad ? " bad" : ""), parent);
    const line = { id, node, read, text: read, words: facts.words || [], sure: facts.sure, page, added: facts.added || null };
    node.contentEditable = "plaintext-only";
    if (node.contentEditable !== "plaintext-only") node.contentEditable = "true";
    node.spellcheck = false;
    node.dataset.id = id;
    node.setAttribute("role", "textbox");
    node.setAttribute("aria-label", facts.label);
    if (facts.box && sheet) {
      line.box = place(facts.box, page, sheet, facts.added ? "missed" : facts.bad ? "bad" : "");
      line.box.addEventListener("click", () => node.focus());
      line.box.addEventListener("mouseenter", () => point(line, true));
      line.box.addEventListener("mouseleave", () => document.activeElement !== node && point(line, false));
    }
    node.addEventListener("mouseenter", () => point(line, true));
    node.addEventListener("mouseleave", () => document.activeElement !== node && point(line, false));
    node.addEventListener("focus", () => point(line, true));
    node.addEventListener("blur", () => { point(line, false); show(line, textOf(node)); count(); });
    node.addEventListener("input", () => { unsaved = true; state(line, textOf(node)); count(); });
    node.addEventListener("keydown", (event) => onKey(event, line));
    lines.set(id, line);
    show(line, read);
  }

  function onKey(event, line) {
    if (event.key === "Enter") { event.preventDefault(); step(line, 1, () => true); }
    else if (event.key === "Escape") { show(line, line.read); count(); }
  }

  function step(from, way, wanted) {
    const all = [...lines.values()];
    const start = from ? all.indexOf(from) : way > 0 ? -1 : all.length;
    for (let k = 1; k <= all.length; k++) {
      const line = all[(start + way * k + all.length * 2) % all.length];
      if (wanted(line)) {
        line.node.scrollIntoView({ block: "center" });
        line.node.focus();
        return;
      }
    }
  }

  const current = () => lines.get((document.activeElement || {}).dataset ? document.activeElement.dataset.id : "");
  const isDoubtful = (line) => (line.doubt && line.text === line.read) || line.node.classList.contains("bad") || (line.added && !line.text);

  function count() {
    let words = 0, edited = 0;
    for (const line of lines.values()) {
      words += line.node.querySelectorAll("mark").length;
      edited += line.text !== line.read;
    }
    const missed = data.pages.reduce((sum, page) => sum + page.missed.length, 0);
    const bad = data.pages.reduce((sum, page) => sum + page.blocks.reduce((n, b) => n + b.lines.filter((l) => l.bad).length, 0), 0);
    const many = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
    const parts = [many(data.pages.length, "page"), many(words, "doubtful word")];
    if (missed) parts.push(many(missed, "place") + " not read");
    if (bad) parts.push(many(bad, "line") + " without ink");
    parts.push(`${edited} corrected`);
    byId("counts").textContent = parts.join(" · ");
  }

  function addPage(page) {
    const section = make("section", "page", byId("pages"));
    section.id = "page_" + page.number;
    section.setAttribute("aria-label", "Page " + page.number);
    const sure = page.confidence === null ? "" : ` · ${Math.round(100 * page.confidence)} % ${data.calibrated ? "of words expected right" : "raw confidence"}`;
    make("h2", "", section, `Page ${page.number}${sure}${page.note ? " · " + page.note : ""}`);
    const figure = make("figure", "scan", section);
    const sheet = make("div", "sheet", figure);
    sheet.style.aspectRatio = `${page.width || 1} / ${page.height || 1}`;
    if (page.image) {
      const image = make("img", "", sheet);
      image.alt = "Scan of page " + page.number;
      image.src = page.image;
    }
    const text = make("div", "text", section);
    for (const block of page.blocks) {
      const part = make("div", "block " + block.kind, text);
      block.lines.forEach((line, k) =>
        addLine(line.id, line.text, { ...line, label: `Page ${page.number}, ${block.kind.replace("_", " ")}, line ${k + 1}` }, page, part, sheet));
    }
    if (page.missed.length) {
      const part = make("div", "missed-list", text);
      make("h3", "", part, "Ink that nothing was read from");
      page.missed.forEach((box, k) =>
        addLine(`missed_${page.number}_${k + 1}`, "", { box, added: box, sure: null, label: `Page ${page.number}, place ${k + 1} that was not read` }, page, part, sheet));
      part.querySelectorAll(".line").forEach((node, k) => (node.dataset.hint = `place ${k + 1}: type what stands there, or leave it`));
    }
  }

  function corrections() {
    const changed = [...lines.values()].filter((line) => line.text !== line.read);
    return {
      schema: data.schema,
      document: data.document,
      corrections: changed.filter((l) => !l.added).map((l) => ({ id: l.id, before: l.read, after: l.text })),
      added: changed.filter((l) => l.added).map((l) => ({ id: l.id, page: l.page.number, box: l.added, text: l.text })),
    };
  }

  function save() {
    const active = current();
    if (active) state(active, textOf(active.node));
    const blob = new Blob([JSON.stringify(corrections(), null, 1) + "\n"], { type: "application/json" });
    const link = make("a", "", document.body);
    link.href = URL.createObjectURL(blob);
    link.download = data.file;
    link.click();
    link.remove();
    unsaved = false;
    byId("message").textContent = "";
  }

  function restore(saved) {
    if (!saved || saved.schema !== data.schema) throw new Error("this is no file of corrections");
    if (saved.document.name !== data.document.name || saved.document.sha256 !== data.document.sha256)
      throw new Error(`these corrections are of ${saved.document.name}`);
    let lost = 0;
    for (const { id, before, after } of saved.corrections) {
      const line = lines.get(id);
      if (line && line.read === before) show(line, after);
      else lost++;
    }
    for (const { id, text } of saved.added) {
      const line = lines.get(id);
      if (line) show(line, text);
      else lost++;
    }
    byId("message").textContent = lost ? `${lost} corrections do not fit this reading and were left out` : "";
    count();
  }

  byId("title").textContent = data.document.name;
  byId("file").textContent = /^[\w.-]+$/.test(data.file) ? data.file : `'${data.file.replace(/'/g, "'\\''")}'`;
  byId("least").value = Math.round(100 * data.least);
  data.pages.forEach(addPage);
  count();
  byId("least").addEventListener("input", () => { for (const line of lines.values()) show(line, line.text); count(); });
  byId("next").addEventListener("click", () => step(last, 1, isDoubtful));
  byId("previous").addEventListener("click", () => step(last, -1, isDoubtful));
  byId("save").addEventListener("click", save);
  byId("load").addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (file) file.text().then((text) => restore(JSON.parse(text))).catch((error) => { byId("message").textContent = error.message; });
  });
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const label = () => { byId("theme").textContent = isDark() ? "Light" : "Dark"; };
  byId("theme").addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  label();
  let last = null; // the line that was in focus last: buttons take the focus away
  document.addEventListener("focusin", (event) => { const line = lines.get(event.target.dataset.id); if (line) last = line; });
  document.addEventListener("keydown", (event) => {
    if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      step(last, event.key === "ArrowDown" ? 1 : -1, isDoubtful);
    } else if ((event.ctrlKey || event.metaKey) && event.key === "s") { event.preventDefault(); save(); }
  });
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
})();
