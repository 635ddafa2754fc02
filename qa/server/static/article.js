// The article beside the answer. Only the one that is open is in the document.

import { readDocument } from "./api.js";
import { byId, button, el, problemBox } from "./dom.js";
import { utf16 } from "./offsets.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const KEPT = 24; // texts in memory, so that going back to an article is instant

const texts = new Map();
let open = null; // { key, sentences: Map("start-end" → element) }
let wanted = null; // the key of the article that was asked for last

const keyOf = (id, collection) => JSON.stringify([collection, id]);

const read = (id, collection) => {
  const key = keyOf(id, collection);
  const text = texts.get(key) ?? readDocument(id, collection);
  text.catch(() => texts.delete(key));
  texts.delete(key);
  texts.set(key, text);
  if (texts.size > KEPT) texts.delete(texts.keys().next().value);
  return text;
};

const setBusy = (busy) => byId("article").setAttribute("aria-busy", busy);

/** Forget what was read: articles have come, changed or gone. */
export const forgetArticles = () => {
  texts.clear();
  if (open) open.key = null;
};

/** Close the article: nothing of it stays in the document. */
export const closeArticle = () => {
  open = null;
  wanted = null;
  setBusy(false);
  byId("article").replaceChildren();
};

// ── layout ──

const HEADING = /^(#{1,6})\s+/;
const ROW = /^(\||```)/;
const BLANK_LINE = /\n[^\S\n]*\n/;

/** A sentence, whole: the sign of a heading is there and not shown. */
const sentenceElement = (text) => {
  const [sign = ""] = HEADING.exec(text) ?? [];
  return el("span", { class: ROW.test(text) ? "sentence row" : "sentence" },
    sign && el("span", { class: "sign", "aria-hidden": "true" }, sign), text.slice(sign.length));
};

const blockElement = (text) => {
  const level = HEADING.exec(text)?.[1].length;
  return level ? el(`h${Math.min(level + 2, 6)}`, { dir: "auto", class: `level-${level}` }) : el("p", { dir: "auto" });
};

/** The sentences in blocks, which blank lines and headings part. */
const layOut = ({ text, sentences }) => {
  const bounds = utf16(text, sentences.flat());
  const blocks = document.createDocumentFragment();
  const elements = new Map();
  let before = null;
  sentences.forEach((span, index) => {
    const [start, end] = bounds.slice(2 * index, 2 * index + 2);
    const content = text.slice(start, end);
    const gap = before ? text.slice(before.end, start) : "";
    const heading = HEADING.test(content);
    if (!before || heading || before.heading || BLANK_LINE.test(gap)) blocks.append(blockElement(content));
    else blocks.lastChild.append(gap);
    const element = sentenceElement(content);
    blocks.lastChild.append(element);
    elements.set(span.join("-"), element);
    before = { end, heading };
  });
  return { blocks, elements };
};

const setHead = (title, uri) => {
  byId("article-title").textContent = title;
  const link = byId("article-link");
  link.hidden = !/^https?:\/\//.test(uri);
  if (!link.hidden) link.href = uri;
};

const say = (text) => {
  byId("article-note").textContent = text;
  byId("article-note").hidden = !text;
};

/** Open an article; false if it failed, or another one was asked for in the meantime. */
export const openArticle = async (id, collection) => {
  const key = keyOf(id, collection);
  wanted = key;
  const isOpen = open?.key === key;
  setBusy(!isOpen);
  if (isOpen) return true;
  const body = byId("article");
  try {
    const article = await read(id, collection);
    if (wanted !== key) return false;
    const { blocks, elements } = layOut(article);
    const titled = blocks.firstElementChild?.matches(".level-1");
    body.replaceChildren(titled ? "" : el("h3", { class: "level-1", dir: "auto" }, article.title), blocks);
    body.scrollTop = 0;
    setHead(article.title, article.uri);
    say("");
    open = { key, sentences: elements };
    return true;
  } catch (problem) {
    if (wanted !== key) return false;
    open = null;
    setHead("", "");
    say("");
    body.replaceChildren(problemBox(problem, () => {
      body.focus();
      openArticle(id, collection);
    }));
    return false;
  } finally {
    if (wanted === key) setBusy(false);
  }
};

// ── marks ──

/** A quotation's sentence, unless the article has changed since. */
const find = ({ start, end, text }) => {
  const element = open.sentences.get(`${start}-${end}`);
  return text === undefined || element?.textContent === text ? element : undefined;
};

const mark = (id, { citations = [], evidence = [], goBack }) => {
  for (const element of open.sentences.values()) element.classList.remove("found", "cited", "lit");
  for (const back of byId("article").querySelectorAll(".back")) back.remove();
  for (const item of evidence) if (item.document_id === id) find(item)?.classList.add("found");
  for (const item of citations) {
    const element = item.document_id === id && find(item);
    if (!element) continue;
    const label = `Back to footnote ${item.number} in the answer`;
    element.classList.add("cited");
    element.after(button(String(item.number), () => goBack(item.number), { class: "back", "aria-label": label }));
  }
};

/** Scroll a sentence to a third from the top: what leads up to it is on show too. */
const bring = (sentence) => {
  const body = byId("article");
  const away = () =>
    sentence.getBoundingClientRect().top - body.getBoundingClientRect().top - body.clientHeight / 3;
  const smooth = Math.abs(away()) < body.clientHeight && !calm.matches;
  body.scrollBy({ top: away(), behavior: smooth ? "smooth" : "instant" });
  // Blocks have an estimated height until they are near: look again once they have their own.
  if (!smooth) requestAnimationFrame(() => body.scrollBy({ top: away(), behavior: "instant" }));
};

/**
 * Show a quotation in its article, with the others of the same answer marked around it.
 *
 * `quotation` has document_id, start, end and, to be compared, text; `answer` has citations, evidence
 * and goBack(number). Gives the sentence's element, or null where it cannot be shown.
 */
export const showSentence = async (quotation, collection, answer = {}) => {
  if (!(await openArticle(quotation.document_id, collection))) return null;
  mark(quotation.document_id, answer);
  const sentence = find(quotation);
  say(sentence ? "" : "The article has changed since it was quoted; this sentence stands there no more.");
  if (!sentence) return null;
  sentence.classList.add("lit");
  sentence.tabIndex = -1;
  bring(sentence);
  return sentence;
};
