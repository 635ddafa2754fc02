// The page: the conversation on one side, the articles on the other.

import { closeArticle, forgetArticles, openArticle, showSentence } from "./article.js";
import { button, byId, el } from "./dom.js";
import { hashOf, readHash } from "./link.js";
import { createShelf } from "./shelf.js";
import { Turn } from "./turn.js";

const MESSAGES_SENT = 20; // of the conversation so far, with a follow-up
const SAMPLE_QUESTIONS = [
  "Who arranged the call between Altman and Trump?",
  "Why did Nadella stop the investment?",
  "Who is the chief executive of Apple?",
];
const narrow = matchMedia("(max-width: 60rem)");
const composer = byId("composer");
const { question, marked } = composer.elements;

let collection = readHash(location.hash).collection;
let turns = [];
let cameFrom = null; // where to go back to from the article
let pointed = 0; // how often something was pointed at

// ── the two sides ──

const setSheet = (up) => {
  document.body.classList.toggle("sheet", up);
  for (const side of [byId("head"), byId("talk")]) side.inert = up;
};

const look = (view, { up = true } = {}) => {
  byId("reader").dataset.view = view;
  if (view === "shelf") closeArticle();
  if (up && narrow.matches) setSheet(true);
};

const goBack = () => {
  const from = cameFrom?.isConnected ? cameFrom : question;
  setSheet(false);
  from.focus();
};

/** Show a sentence: beside the answer, or, where it was chosen, on the sheet of a narrow screen. */
const point = async (turn, quotation, { first = false, chosen = false, from = null }) => {
  if (narrow.matches && !chosen) return;
  if (first && turn.linked) quotation = turn.linked;
  look("article", { up: chosen });
  pointed += 1;
  const now = pointed;
  const { element } = turn;
  const shown = await showSentence(quotation, turn.collection, {
    citations: turn.citations,
    evidence: turn.evidence,
    goBack: (number) => {
      setSheet(false);
      element.querySelector(`.note[data-number="${number}"]`)?.focus();
    },
  });
  if (now !== pointed) return;
  for (const link of document.querySelectorAll("[data-sentence].lit")) link.classList.remove("lit");
  for (const link of element.querySelectorAll("[data-sentence]")) {
    link.classList.toggle("lit", link.dataset.sentence === quotation.sentence_id);
  }
  if (!chosen) return;
  cameFrom = from;
  history.replaceState(null, "", turn.hash(quotation));
  (shown ?? byId("article")).focus({ preventScroll: true });
};

// ── the conversation ──

const setRunning = (running) => {
  byId("send").hidden = running;
  byId("stop").hidden = !running;
};

const run = async (turn) => {
  setRunning(true);
  await turn.run();
  setRunning(turns.some((it) => it.running));
};

/** Ask a question; `linked` is the sentence that the address names along with it. */
const ask = async (text, linked = null) => {
  if (!text || turns.some((turn) => turn.running)) return;
  const turn = new Turn({
    question: text,
    collection,
    history: turns.flatMap((it) => it.messages).slice(-MESSAGES_SENT),
    linked,
    point,
    retry: run,
    marked: () => marked.checked,
    showUnproved: () => {
      marked.click();
      turn.head.focus({ preventScroll: true });
    },
  });
  turns.push(turn);
  byId("turns").append(turn.element);
  byId("welcome").hidden = true;
  byId("anew").hidden = false;
  document.title = `${text} · Footnoted`;
  if (!linked) history.replaceState(null, "", turn.hash());
  byId("scroll").scrollTo({ top: turn.element.offsetTop });
  const { hash } = location;
  await run(turn);
  // A follow-up's address asks what it was understood as.
  if (!linked && location.hash === hash) history.replaceState(null, "", turn.hash());
};

const startAnew = () => {
  for (const turn of turns) turn.stop();
  turns = [];
  byId("turns").replaceChildren();
  byId("welcome").hidden = false;
  byId("anew").hidden = true;
  document.title = "Footnoted";
  history.replaceState(null, "", hashOf({ collection }));
  look("shelf", { up: false });
  setRunning(false);
};

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (text && !turns.some((turn) => turn.running)) {
    question.value = "";
    ask(text);
  }
});
question.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    composer.requestSubmit();
  }
});
marked.addEventListener("change", () => document.body.classList.toggle("marked", marked.checked));
byId("stop").addEventListener("click", () => {
  for (const turn of turns) turn.stop();
  question.focus();
});
byId("anew").addEventListener("click", () => {
  startAnew();
  question.focus();
});

// ── the articles ──

const addSample = async () => {
  const reply = await fetch("static/sample.md");
  const file = new File([await reply.blob()], "stargate.md", { type: "text/markdown" });
  await shelf.add([file]);
  question.focus();
};

const welcome = (documents) => {
  const isSample = documents.length === 1 && documents[0].title.startsWith("Stargate: How Altman");
  const first = byId("first-step");
  if (documents.length === 0) {
    first.replaceChildren(
      el("p", {}, "First, add an article: drop a file anywhere on this page, or paste the address of a web page."),
      el("p", { class: "choices" },
        button("Add an article", () => {
          look("shelf");
          byId("files").focus();
        }, { class: "strong" }),
        button("Try it with a sample article", addSample)));
  } else {
    first.replaceChildren(
      el("p", {}, `Ask something that ${documents.length === 1 ? "the article" : `one of the ${documents.length} articles`} could answer.`),
      isSample ? el("ul", { class: "examples" }, ...SAMPLE_QUESTIONS.map((text) => el("li", {}, button(text, () => ask(text))))) : "");
  }
};

const shelf = createShelf({
  collection: () => collection,
  open: (document) => {
    look("article");
    openArticle(document.id, collection);
    byId("to-shelf").focus();
  },
  changed: (documents, collections) => {
    byId("how-many").textContent = documents.length;
    byId("shelf-empty").hidden = documents.length > 0;
    forgetArticles();
    welcome(documents);
    offer(collections);
  },
});

byId("articles").addEventListener("click", () => {
  cameFrom = byId("articles");
  look("shelf");
  byId("shelf-head").focus();
});
byId("to-shelf").addEventListener("click", () => {
  look("shelf");
  byId("shelf-head").focus();
});
byId("close").addEventListener("click", goBack);
byId("backdrop").addEventListener("click", goBack);
narrow.addEventListener("change", () => setSheet(false));

/** What was dropped: files, or the addresses in a text. */
const dropped = (data) => {
  if (data.files.length) return [...data.files];
  const text = data.getData("text/uri-list") || data.getData("text");
  return text.split(/\s+/).filter((it) => /^https?:\/\//.test(it)).map((url) => ({ url }));
};

addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  const sources = dropped(event.dataTransfer);
  if (!sources.length) return;
  look("shelf");
  shelf.add(sources);
});

// ── collections ──

const chosen = byId("collection");

const offer = (collections) => {
  const names = [...new Set([...collections, collection])].sort();
  chosen.replaceChildren(...names.map((name) => el("option", { selected: name === collection }, name)));
  byId("collections").hidden = names.length < 2;
};

const choose = async (name) => {
  collection = name;
  startAnew();
  await shelf.refresh();
};

chosen.addEventListener("change", () => choose(chosen.value));

// ── the address and the keyboard ──

/** Do what the address says: open its sentence, ask its question. */
const follow = async () => {
  const link = readHash(location.hash);
  if (link.collection !== collection) {
    const hash = location.hash;
    await choose(link.collection);
    history.replaceState(null, "", hash);
  }
  if (link.quotation) {
    look("article");
    await showSentence(link.quotation, collection);
  }
  if (link.question && turns.at(-1)?.standalone !== link.question) ask(link.question, link.quotation);
};

addEventListener("hashchange", follow);
addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    if (document.body.classList.contains("sheet") || byId("article").contains(document.activeElement)) goBack();
    else for (const turn of turns) turn.stop();
  }
  const typing = event.target.matches?.("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey;
  if (event.key === "/" && !typing && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    goBack();
    question.focus();
  }
});

await shelf.refresh();
follow();
