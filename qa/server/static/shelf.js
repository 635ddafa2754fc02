// The articles of a collection: what there is, adding and removing.

import { addDocuments, listCollections, listDocuments, removeDocument } from "./api.js";
import { announce, button, byId, count, el, keepFocus, problemBox } from "./dom.js";

/**
 * @param {object} options collection(): which; open(document, from); changed(documents, collections):
 *   called with what there is, each time that may be something else.
 */
export const createShelf = ({ collection, open, changed }) => {
  const remove = async (document, from) => {
    if (!confirm(`Remove “${document.title}”? It will be answered from no more.`)) return;
    try {
      await removeDocument(document.id, from);
      announce(`${document.title} removed.`);
    } catch (problem) {
      byId("adding").prepend(el("li", {}, problemBox(problem)));
    }
    await refresh();
    byId("shelf-head").focus();
  };

  const row = (document, from) =>
    el("li", {},
      button(document.title, () => open(document, from), { class: "title", dir: "auto" }),
      el("span", { class: "source" }, [count(document.sentences, "sentence"), document.uri].filter(Boolean).join(" · ")),
      button("Remove", () => remove(document, from), { class: "remove", "aria-label": `Remove ${document.title}` }));

  const list = (...rows) => keepFocus(() => byId("documents").replaceChildren(...rows), byId("shelf-head"));

  /** Read the list anew. */
  const refresh = async () => {
    const asked = collection();
    try {
      const names = (await listCollections()).map((it) => it.name);
      const documents = names.includes(asked) ? await listDocuments(asked) : [];
      if (asked !== collection()) return;
      list(...documents.map((document) => row(document, asked)));
      changed(documents, names);
    } catch (problem) {
      if (asked !== collection()) return;
      list(el("li", {}, problemBox(problem, refresh)));
    }
  };

  const done = (name, what) => (what === "replaced" ? `replaced the older ${name}` : what);

  const outcome = ({ name, title, outcome: what, sentences, flagged, error }) => {
    if (error) return problemBox(error);
    const aside = flagged ? `; ${count(flagged, "sentence")} set aside, addressing a language model` : "";
    return el("p", {}, el("b", {}, title ?? name), ` ${done(name, what)}, ${count(sentences, "sentence")}${aside}`);
  };

  const addOne = async (source, into) => {
    const name = source.name ?? source.url;
    const bar = el("progress", { "aria-label": `Reading ${name}` });
    const how = el("span", {}, " is being read");
    const result = el("div", {}, el("p", {}, el("b", {}, name), how), bar);
    const report = ({ sentences_done: done, sentences }) => {
      how.textContent = `, ${done.toLocaleString("en")} of ${count(sentences, "sentence")}`;
      Object.assign(bar, { max: sentences, value: done });
    };
    const dismiss = () => keepFocus(() => item.remove(), byId("adding"));
    const item = el("li", {}, result, button("Dismiss", dismiss, { class: "dismiss", "aria-label": `Dismiss ${name}` }));
    byId("adding").prepend(item);
    announce(`Adding ${name}.`);
    try {
      const documents = await addDocuments(source.read ? await source.read() : source, into, report);
      result.replaceChildren(...documents.map(outcome));
      announce(documents.map((it) => `${it.title ?? it.name} ${done(it.name, it.outcome)}.`).join(" "));
      return documents;
    } catch (problem) {
      const failed = problem.documents.length ? problem.documents.map(outcome) : [];
      result.replaceChildren(el("p", {}, el("b", {}, name), " was not added"), ...failed, problemBox(problem, problem.retryable && (() => {
        dismiss();
        add([source], into);
      })));
      announce(`${name} was not added. ${problem.message}`);
      return [];
    }
  };

  /** Add files, `{ url }`s and `{ name, read() }`s, which give a file, one after the other. */
  const add = async (sources, into = collection()) => {
    const added = [];
    for (const source of sources) {
      added.push(...(await addOne(source, into)));
      await refresh();
    }
    return added;
  };

  byId("files").addEventListener("change", ({ target }) => {
    add([...target.files]);
    target.value = "";
  });
  byId("address").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = event.target.elements.url;
    add([{ url: field.value.trim() }]);
    field.value = "";
  });

  return { add, refresh };
};
