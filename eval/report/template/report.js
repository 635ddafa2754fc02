"use strict";
(() => {
  const questions = [...document.querySelectorAll("details.question")];
  const filter = document.getElementById("filter");
  const { diagnosis, type, run, text, count, open } = filter.elements;
  const none = document.getElementById("none");
  const texts = new Map();

  const textOf = (question) => {
    if (!texts.has(question)) texts.set(question, question.textContent.toLowerCase());
    return texts.get(question);
  };

  const fits = (question) => {
    const { run: its, type: kind, diagnosis: found } = question.dataset;
    return (
      (!diagnosis.value ||
        (diagnosis.value === "wrong" ? !("good" in question.dataset) : diagnosis.value === found)) &&
      (!type.value || type.value === kind) &&
      (!run || !run.value || run.value === its) &&
      text.value.toLowerCase().split(/\s+/).every((word) => textOf(question).includes(word))
    );
  };

  const shown = () => questions.filter((question) => !question.hidden);

  const apply = () => {
    for (const question of questions) question.hidden = !fits(question);
    const number = shown().length;
    count.value = number === questions.length ? `${number} questions` : `${number} of ${questions.length} questions`;
    open.textContent = shown().some((question) => !question.open) ? "Open these" : "Close these";
    open.disabled = number === 0;
    none.hidden = number > 0;
  };

  const showAll = () => {
    filter.reset();
    apply();
  };

  const focusOn = (question) => {
    const summary = question.querySelector("summary");
    summary.focus({ preventScroll: true });
    question.scrollIntoView({ block: "start" });
  };

  const step = (by) => {
    const list = shown();
    const at = list.indexOf(document.activeElement?.closest("details.question"));
    const next = list[at < 0 ? 0 : Math.min(Math.max(at + by, 0), list.length - 1)];
    if (next) focusOn(next);
  };

  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const question = target?.closest("details.question");
    if (!question) return;
    if (question.hidden) showAll();
    question.open = true;
    if (target === question) focusOn(question);
    else target.scrollIntoView({ block: "center" });
  };

  const light = (event, on) => {
    const at = event.target.closest?.("[data-notes]");
    if (!at) return;
    const panel = at.closest(".panel");
    for (const number of at.dataset.notes.split(" ")) {
      for (const it of panel.querySelectorAll(`[data-notes~="${number}"]`)) it.classList.toggle("lit", on);
    }
  };

  for (const kind of ["input", "change"]) filter.addEventListener(kind, apply);
  filter.addEventListener("submit", (event) => event.preventDefault());
  none.querySelector("button").addEventListener("click", showAll);
  open.addEventListener("click", () => {
    const on = shown().some((question) => !question.open);
    for (const question of shown()) question.open = on;
    apply();
  });

  for (const question of questions) {
    question.querySelector("summary").addEventListener("click", () => {
      if (!question.open) history.replaceState(null, "", `#${encodeURIComponent(question.id)}`);
    });
  }

  document.addEventListener("click", (event) => {
    const show = event.target.closest("[data-show-diagnosis]");
    if (show) {
      event.preventDefault();
      filter.reset();
      diagnosis.value = show.dataset.showDiagnosis;
      if (run) run.value = show.dataset.showRun;
      apply();
      const head = document.getElementById("questions");
      head.scrollIntoView();
      head.focus({ preventScroll: true });
    }
    const note = event.target.closest("a.note");
    if (note) {
      event.preventDefault();
      const id = decodeURIComponent(note.hash.slice(1));
      const back = note.classList.contains("back");
      const target = back
        ? document.getElementById(id).querySelector(`[data-notes="${note.dataset.notes}"]`)
        : document.getElementById(id);
      target.focus({ preventScroll: true });
      target.scrollIntoView({ block: "nearest" });
    }
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select");
    if (event.key === "Escape" && event.target === text) {
      text.value = "";
      apply();
      text.blur();
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      event.preventDefault();
      text.focus();
    }
    if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
  });

  for (const [start, end] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    document.addEventListener(start, (event) => light(event, true));
    document.addEventListener(end, (event) => light(event, false));
  }

  addEventListener("hashchange", follow);
  addEventListener("load", follow); // not before: going to the fragment takes the focus away
  addEventListener("pageshow", apply); // going back restores what was filled in
  filter.hidden = false;
  apply();
})();
