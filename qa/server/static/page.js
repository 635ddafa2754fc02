// The page: the conversation on one side, the articles on the other.

import { readSample } from "./api.js";
import { closeArticle, forgetArticles, openArticle, showSentence } from "./article.js";
import { button, byId, el, keepFocus } from "./dom.js";
import { address, hashOf, readHash, setAddress } from "./link.js";
import { createSheet } from "./sheet.js";
import { createShelf } from "./shelf.js";
import { Turn } from "./turn.js";

const MESSAGES_SENT = 20; // of the conversation so far, with a follow-up
const SAMPLE_QUESTIONS = [
  "Who arranged the call between Altman and Trump?",
  "Why did Nadella stop the investment?",
  "Who is the chief executive of Apple?",
];
const SAMPLE = { name: "stargate.md", read: readSample };
const composer = byId("composer");
const { question, marked } = composer.elements;

let collection = readHash(location.hash).collection;
let turns = [];
let cameFrom = null; // where to go back to from the article
let pointed = 0; // how often something was pointed at

// ── the two sides ──

const look = (view, { up = true } = {}) => {
  byId("reader").dataset.view = view;
  if (view === "shelf") closeArticle();
  if (up) sheet.raise();
};

const showShelf = () => {
  look("shelf");
  byId("shelf-head").focus();
};

const goBack = () => {
  sheet.lower();
  (cameFrom?.isConnected ? cameFrom : question).focus();
};

const sheet = createSheet(goBack);

/** Show a sentence: beside the answer, or, where it was chosen, on the sheet of a narrow screen. */
const point = async (turn, quotation, { first = false, chosen = false, from = null }) => {
  if (sheet.narrow.matches && !chosen) return;
  if (first && byId("shelf").contains(document.activeElement)) return; // the articles are in use
  if (first && turn.linked) quotation = turn.linked;
  look("article", { up: chosen });
  pointed += 1;
  const now = pointed;
  const { element } = turn;
  const shown = await showSentence(quotation, turn.collection, {
    citations: turn.citations,
    evidence: turn.evidence,
    goBack: (number) => {
      sheet.lower();
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
  setAddress(turn.hash(quotation));
  (shown ?? byId("article")).focus({ preventScroll: true });
};

// ── the conversation ──

const setRunning = (running, next) =>
  keepFocus(() => {
    byId("send").hidden = running;
    byId("stop").hidden = !running;
  }, next);

const run = async (turn) => {
  setRunning(true, turn.head);
  await turn.run();
  setRunning(turns.some((it) => it.running), turn.head);
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
  keepFocus(() => { byId("welcome").hidden = true; }, turn.head);
  byId("anew").hidden = false;
  document.title = `${text} · Footnoted`;
  if (!linked) setAddress(turn.hash());
  byId("scroll").scrollTo({ top: turn.element.offsetTop });
  const asked = address;
  await run(turn);
  // A follow-up's address asks what it was understood as.
  if (!linked && address === asked) setAddress(turn.hash());
};

const startAnew = (hash = hashOf({ collection })) => {
  for (const turn of turns) turn.stop();
  turns = [];
  document.title = "Footnoted";
  setAddress(hash);
  keepFocus(() => {
    byId("turns").replaceChildren();
    byId("welcome").hidden = false;
    byId("anew").hidden = true;
    look("shelf", { up: false });
  }, question);
  setRunning(false, question);
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

const addSample = async ({ target }) => {
  target.disabled = true;
  showShelf();
  const added = await shelf.add([SAMPLE]);
  target.disabled = false;
  if (!added.length) return;
  sheet.lower();
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
  open: (document, from) => {
    look("article");
    openArticle(document.id, from);
    byId("to-shelf").focus();
  },
  changed: (documents, collections) => {
    byId("how-many").textContent = documents.length;
    byId("shelf-empty").hidden = documents.length > 0;
    forgetArticles();
    keepFocus(() => welcome(documents), question);
    offer(collections);
  },
});

byId("articles").addEventListener("click", () => {
  cameFrom = byId("articles");
  showShelf();
});
byId("to-shelf").addEventListener("click", showShelf);
byId("close").addEventListener("click", goBack);
byId("backdrop").addEventListener("click", goBack);

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
  keepFocus(() => { byId("collections").hidden = names.length < 2; }, question);
};

const choose = async (name, hash) => {
  collection = name;
  startAnew(hash);
  await shelf.refresh();
};

chosen.addEventListener("change", () => choose(chosen.value));

// ── the address and the keyboard ──

/** Do what the address says: open its sentence, ask its question in a conversation of its own. */
const follow = async () => {
  const { hash } = location;
  const link = readHash(hash);
  const asks = link.question && turns.at(-1)?.standalone !== link.question;
  setAddress(hash);
  if (link.collection !== collection) await choose(link.collection, hash);
  else if (asks && turns.length) startAnew(hash);
  if (address !== hash) return; // something else was wanted in the meantime
  if (link.quotation) {
    look("article");
    await showSentence(link.quotation, collection);
  }
  if (asks && address === hash) ask(link.question, link.quotation);
};

addEventListener("hashchange", () => {
  if (location.hash !== address) follow();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    if (sheet.isUp() || byId("article").contains(document.activeElement)) goBack();
    else for (const turn of turns) turn.stop();
  }
  const modified = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  if (event.key?.toLowerCase() === "k" && modified && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    sheet.lower();
    question.focus();
  }
});

await shelf.refresh();
follow();
