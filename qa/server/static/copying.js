// An answer with its quotations, for other people's documents.

const supported = ({ claims, status }, marked) =>
  status === "no_answer" && !marked ? [] : claims.filter((claim) => marked || claim.verdict === "supported");

const place = ({ title, sentence }) => `${title}, sentence ${sentence}`;
const oneLine = (text) => text.replace(/\s+/g, " ").trim();
const escaped = (text) => oneLine(text).replace(/[\\`*_[\]<>#~|]/g, "\\$&");

const sentencesOf = (answer, marked, write) => {
  const claims = supported(answer, marked).map(write).join(" ");
  return answer.status === "no_answer" ? [answer.answer, claims].filter(Boolean).join(" ") : claims;
};

/** Plain text: the question, the answer, the quotations. */
export const asText = (answer, marked) => {
  const body = sentencesOf(answer, marked, ({ text, citations, verdict }) =>
    verdict === "supported" ? `${text} ${citations.map((number) => `[${number}]`).join("")}` : `${text} (unproved)`);
  const notes = answer.citations.map((it) => {
    const uri = it.uri ? ` <${it.uri}>` : "";
    return `[${it.number}] “${oneLine(it.text)}” – ${place(it)}${uri}`;
  });
  return [answer.standalone_question, body, notes.join("\n")].filter(Boolean).join("\n\n") + "\n";
};

/** Markdown with footnotes. */
export const asMarkdown = (answer, marked) => {
  const body = sentencesOf(answer, marked, ({ text, citations, verdict }) =>
    verdict === "supported"
      ? `${escaped(text)}${citations.map((number) => `[^${number}]`).join("")}`
      : `~~${escaped(text)}~~ (unproved)`);
  const notes = answer.citations.map((it) => {
    const title = /^https?:/.test(it.uri) ? `[${escaped(it.title)}](<${it.uri.replace(/[<>\s]/g, encodeURIComponent)}>)` : escaped(it.title);
    return `[^${it.number}]: “${escaped(it.text)}” – ${title}, sentence ${it.sentence}`;
  });
  return [`**${escaped(answer.standalone_question)}**`, body, notes.join("\n")].filter(Boolean).join("\n\n") + "\n";
};

/** Put text on the clipboard or throw; over plain HTTP from another machine, browsers know only the old way. */
export const copy = async (text) => {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused.focus({ preventScroll: true });
  if (!copied) throw new Error("The browser does not let this page copy.");
};
