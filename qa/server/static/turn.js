// A question and its answer, from the first evidence to the last footnote.

import { chat } from "./api.js";
import { asMarkdown, asText, copy } from "./copying.js";
import { announce, button, count, el, keepFocus, problemBox } from "./dom.js";
import { hashOf } from "./link.js";

const HOVER_MS = 80; // a pointer on its way to somewhere else turns no pages

const percent = (share) => `${Math.round(share * 100)} %`;
const seconds = (ms) => `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
const sentenceCase = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const articlesOf = (quotations) => count(new Set(quotations.map((it) => it.document_id)).size, "article");

/** What is left of a draft behind the claims that have been checked. */
const unchecked = (draft, claims) => {
  const rest = claims.reduce((text, claim) => {
    const at = text.indexOf(claim.text);
    return at < 0 ? text : text.slice(at + claim.text.length);
  }, draft);
  return rest.replace(/^(\s*\[\d+\])+/, "");
};

export class Turn {
  /**
   * @param {object} options question and collection; history: the messages before it;
   *   point(turn, quotation, { first, chosen, from }): shows a sentence; retry(turn): runs it anew;
   *   showUnproved(): shows the claims without proof; marked(): whether those are on show.
   */
  constructor(options) {
    Object.assign(this, options);
    this.content = el("div");
    this.head = el("h2", { tabindex: "-1", dir: "auto" }, this.question);
    this.element = el("article", { class: "turn", "aria-label": this.question }, this.head, this.content);
    this.reset();
  }

  /** Forget what came of it, before it is asked again. */
  reset() {
    Object.assign(this, { running: true, evidence: [], claims: [], citations: [], draft: "", answer: null });
    this.standalone = this.question;
    this.controller = new AbortController();
    this.understood = el("p", { class: "understood", hidden: true });
    this.drafted = el("span", { class: "draft" });
    this.text = el("p", { class: "answer", dir: "auto" }, this.drafted);
    this.status = el("p", { class: "status" }, "Searching the articles");
    this.notes = el("ol", { class: "footnotes", hidden: true, "aria-label": "Footnotes" });
    this.end = el("div", { class: "end" });
    this.found = el("details", { class: "evidence", hidden: true, open: true });
    this.content.replaceChildren(this.understood, this.text, this.status, this.notes, this.end, this.found);
  }

  /** This exchange as messages, if it is complete. */
  get messages() {
    if (!this.answer) return [];
    const { standalone_question: asked, answer, claims, status } = this.answer;
    const said = claims.filter((claim) => claim.verdict === "supported").map((claim) => claim.text);
    return [
      { role: "user", content: asked },
      { role: "assistant", content: status === "no_answer" ? answer : said.join(" ") },
    ];
  }

  /** The page's address fragment for this question, or for a sentence in its answer. */
  hash(quotation) {
    const { standalone: question, collection } = this;
    return hashOf({ question, collection, sentence: quotation?.sentence_id });
  }

  /** Ask and show what comes; returns when the answer is complete, stopped or failed. */
  async run() {
    const messages = [...this.history, { role: "user", content: this.question }];
    // Claims without proof come along always; whether they are on show can change afterwards.
    const body = { messages, collection: this.collection, unsupported: "mark" };
    const take = { evidence: this.offer, token: this.grow, claim: this.add, answer: this.finish };
    try {
      for await (const { kind, data } of chat(body, this.controller.signal)) take[kind]?.call(this, data);
    } catch (error) {
      this.breakOff(error);
    } finally {
      this.running = false;
      this.drafted.remove();
      this.status.remove();
    }
  }

  stop() {
    this.controller.abort();
  }

  // ── events ──

  /** Take in what was found; it comes again, with more, where a part of the question is looked for alone. */
  offer({ evidence, standalone_question: standalone }) {
    const begins = this.evidence.length === 0;
    Object.assign(this, { evidence, standalone });
    this.understood.hidden = standalone === this.question;
    this.understood.replaceChildren("Understood as “", standalone, "”");
    this.status.textContent = `Reading ${count(evidence.length, "sentence")} from ${articlesOf(evidence)}`;
    this.listEvidence();
    announce(`Found ${count(evidence.length, "sentence")} in ${articlesOf(evidence)}.`);
    const best = evidence.find((item) => !item.flagged);
    if (best && begins) this.point(this, best, { first: true });
  }

  grow({ text }) {
    this.draft += text;
    this.status.textContent = "Drafting, and checking each claim";
    this.drafted.textContent = unchecked(this.draft, this.claims);
  }

  add({ claim, citations }) {
    this.claims.push(claim);
    this.citations.push(...citations);
    this.drafted.before(this.claimElement(claim), " ");
    this.drafted.textContent = unchecked(this.draft, this.claims);
    this.listNotes();
  }

  finish({ answer }) {
    this.answer = answer;
    this.citations = answer.citations;
    if (JSON.stringify(answer.claims) !== JSON.stringify(this.claims)) {
      this.claims = answer.claims;
      keepFocus(() => {
        this.text.replaceChildren(...answer.claims.flatMap((claim) => [this.claimElement(claim), " "]));
        this.listNotes();
      }, this.head);
    }
    const none = answer.status === "no_answer";
    if (none) this.text.prepend(el("span", { class: "none" }, answer.answer), " ");
    this.found.open = none || this.found.contains(document.activeElement);
    this.end.replaceChildren(this.reason() ?? "", this.facts());
    const said = this.claims.filter((claim) => claim.verdict === "supported").map((claim) => claim.text);
    announce(none ? `${answer.answer} ${sentenceCase(answer.reason ?? "")}` : `${said.join(" ")} ${count(this.citations.length, "footnote")}.`);
  }

  breakOff(error) {
    const again = () => {
      keepFocus(() => this.reset(), this.head);
      this.retry(this);
    };
    if (error.name === "AbortError") {
      this.end.replaceChildren(el("p", { class: "reason" }, "Stopped."), button("Ask again", again));
      announce("Stopped.");
      return;
    }
    this.end.replaceChildren(problemBox(error, again));
    announce(`${error.message} ${error.help ?? ""}`);
  }

  // ── elements ──

  claimElement(claim) {
    if (claim.verdict === "unsupported") {
      return el("span", { class: "claim unproved" }, el("span", { class: "label" }, "unproved"), " ", el("s", {}, claim.text));
    }
    const notes = claim.citations.map((number) => this.link(this.citations.find((it) => it.number === number)));
    return el("span", { class: "claim" }, claim.text, el("sup", {}, ...notes));
  }

  /** A link to a sentence: hovering or focusing shows it, choosing it goes there. */
  pointer(quotation, attributes, ...children) {
    let timer;
    const link = el("a", {
      href: this.hash(quotation),
      "data-sentence": quotation.sentence_id,
      onpointerenter: (event) => {
        if (event.pointerType === "mouse") timer = setTimeout(() => this.point(this, quotation, {}), HOVER_MS);
      },
      onpointerleave: () => clearTimeout(timer),
      onfocus: () => link.matches(":focus-visible") && this.point(this, quotation, {}),
      onclick: (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        clearTimeout(timer);
        this.point(this, quotation, { chosen: true, from: link });
      },
      ...attributes,
    }, ...children);
    return link;
  }

  link(citation) {
    const label = `Footnote ${citation.number}: ${citation.title}, sentence ${citation.sentence}`;
    return this.pointer(citation, { class: "note", "data-number": citation.number, "aria-label": label }, String(citation.number));
  }

  listNotes() {
    this.notes.hidden = this.citations.length === 0;
    const listed = this.notes.children.length;
    if (listed > this.citations.length) this.notes.replaceChildren();
    for (const it of this.citations.slice(this.notes.children.length)) {
      // A sentence that is the answer itself is not said again below it.
      const said = this.claims.some((claim) => claim.text === it.text);
      this.notes.append(el("li", { value: it.number, dir: "auto" }, this.quotation(it, { said })));
    }
  }

  quotation(it, { titled = true, said = false } = {}) {
    return this.pointer(it, { class: "quotation" }, ...(said ? [] : [el("q", {}, it.text), " "]),
      el("span", { class: "source" }, `${titled ? `${it.title}, ` : ""}sentence\u00a0${it.sentence}`));
  }

  listEvidence() {
    this.found.hidden = this.evidence.length === 0;
    const titled = this.evidence.some((it) => it.document_id !== this.evidence[0].document_id);
    const rows = this.evidence.map((it) =>
      el("li", { dir: "auto" }, this.quotation(it, { titled }),
        it.flagged && el("span", { class: "flag" }, " Set aside: it addresses a language model.")));
    const where = titled ? articlesOf(this.evidence) : this.evidence[0]?.title;
    const looked = `${count(this.evidence.length, "sentence")} looked at in ${where}`;
    this.found.replaceChildren(el("summary", {}, looked), el("ol", {}, ...rows));
  }

  reason() {
    const { status, reason } = this.answer;
    const unproved = this.claims.some((claim) => claim.verdict === "unsupported");
    if (!reason) return null;
    const label = { no_answer: "Why: ", partial: "Left out: " }[status];
    return el("p", { class: "reason" }, label ? `${label}${reason}. ` : `${sentenceCase(reason)}. `,
      unproved && button("Show what was left out", this.showUnproved, { class: "reveal" }));
  }

  facts() {
    const { answer } = this;
    const copier = (label, write) => {
      const it = button(label, async () => {
        try {
          await copy(write());
          it.textContent = "Copied";
        } catch {
          it.textContent = "The browser refused";
        }
        announce(it.textContent);
        setTimeout(() => { it.textContent = label; }, 2000);
      });
      return it;
    };
    const about = [
      answer.status !== "no_answer" && `${percent(answer.confidence)} sure`,
      answer.timings_ms.total && seconds(answer.timings_ms.total),
    ].filter(Boolean).join(" · ");
    return el("div", { class: "facts" },
      copier("Copy", () => asText(answer, this.marked())),
      copier("Copy as Markdown", () => asMarkdown(answer, this.marked())),
      copier("Copy link", () => new URL(this.hash(), location.href).href),
      el("span", { class: "about" }, about));
  }
}
