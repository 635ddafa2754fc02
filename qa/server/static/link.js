// Deep links: #q=QUESTION&c=COLLECTION&s=SENTENCE_ID, each where there is one.

const DEFAULT = "default";

/** The fragment that the page has followed or made itself. */
export let address = location.hash;

/** Name in the address bar what is on show. */
export const setAddress = (hash) => {
  history.replaceState(history.state, "", hash);
  address = location.hash;
};

export const hashOf = ({ question, collection, sentence }) => {
  const parts = new URLSearchParams();
  if (question) parts.set("q", question);
  if (collection !== DEFAULT) parts.set("c", collection);
  if (sentence) parts.set("s", sentence);
  return `#${parts}`;
};

export const readHash = (hash) => {
  const parts = new URLSearchParams(hash.slice(1));
  const sentence = parts.get("s") ?? "";
  const [, id, start, end] = /^([^]+):(\d+)-(\d+)$/.exec(sentence) ?? [];
  return {
    question: parts.get("q") ?? "",
    collection: parts.get("c") ?? DEFAULT,
    quotation: id === undefined ? null : { sentence_id: sentence, document_id: id, start: Number(start), end: Number(end) },
  };
};
