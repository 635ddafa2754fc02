// The HTTP API: JSON, problem documents (RFC 9457) and server-sent events.

import { askForKey } from "./key.js";

const KEY = "footnoted-key";
const STREAM = { Accept: "text/event-stream" };

/** Why a request did not succeed, in words, and the way out. */
export class Problem extends Error {
  constructor({ detail, help = "", code = "", retryable = true, documents = [] }) {
    super(detail);
    Object.assign(this, { detail, help, code, retryable, documents });
  }
}

const CUT = {
  detail: "The connection broke before the reply was complete.",
  help: "The server may have been stopped. Try again.",
};

const unreachable = () =>
  new Problem({
    detail: "The server cannot be reached.",
    help: "See whether ‘footnoted serve’ is running and this device is online, then try again.",
  });

const problemIn = async (reply) => {
  const detail = `The server replied with status ${reply.status} and no explanation.`;
  return new Problem({ detail, ...(await reply.json().catch(() => null)) });
};

const attempt = (path, options) => {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
  return fetch(path, { ...options, headers }).catch((error) => {
    throw error.name === "AbortError" ? error : unreachable();
  });
};

/** The reply to a request; asks for a key as long as the server wants another one. */
const request = async (path, options = {}) => {
  let reply = await attempt(path, options);
  while (reply.status === 401) {
    const key = await askForKey(await problemIn(reply));
    sessionStorage.setItem(KEY, key);
    reply = await attempt(path, options);
  }
  if (!reply.ok) throw await problemIn(reply);
  return reply;
};

/** The body of a reply, whole: as "json" or as a "blob". */
const read = async (kind, path) => {
  const reply = await request(path);
  return reply[kind]().catch(() => {
    throw new Problem(CUT);
  });
};

const post = (path, body, options = {}) =>
  request(path, {
    method: "POST",
    body: body instanceof FormData ? body : JSON.stringify(body),
    ...options,
    headers: { ...(!(body instanceof FormData) && { "Content-Type": "application/json" }), ...options.headers },
  });

/** The events of a stream as `{ kind, data }`; comment lines, the heartbeats, are none. */
async function* eventsIn(reply) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = { event: "", data: [] };
        for (const line of block.split(/\r?\n/)) {
          const [, name, content] = /^(\w+): ?(.*)$/s.exec(line) ?? [];
          if (name === "event") fields.event = content;
          else if (name === "data") fields.data.push(content);
        }
        if (fields.data.length) yield { kind: fields.event, data: JSON.parse(fields.data.join("\n")) };
      }
    }
  } catch (error) {
    throw error.name === "AbortError" ? error : new Problem(CUT);
  } finally {
    reader.cancel().catch(() => {});
  }
}

const address = (id, collection) =>
  `v1/documents/${encodeURIComponent(id)}?${new URLSearchParams({ collection })}`;

export const listCollections = async () => (await read("json", "v1/collections")).collections;

export const listDocuments = async (collection) =>
  (await read("json", `v1/documents?${new URLSearchParams({ collection })}`)).documents;

export const readDocument = (id, collection) => read("json", address(id, collection));

export const removeDocument = (id, collection) => request(address(id, collection), { method: "DELETE" });

/** The article that the page offers where there is none yet, as a file. */
export const readSample = async () =>
  new File([await read("blob", "static/sample.md")], "stargate.md", { type: "text/markdown" });

/** Add a file or `{ url }`, reporting how far that is; gives what became of each document in it. */
export const addDocuments = async (source, collection, report) => {
  let body = { ...source, collection };
  if (source instanceof Blob) {
    body = new FormData();
    body.append("file", source, source.name);
    body.append("collection", collection);
  }
  const reply = await post("v1/documents", body, { headers: STREAM });
  for await (const { kind, data } of eventsIn(reply)) {
    if (kind === "result") return data.documents;
    if (kind === "error") throw new Problem(data);
    report(data);
  }
  throw new Problem(CUT);
};

/** The events of an answer; the last is `answer`, or a Problem is thrown. */
export async function* chat(body, signal) {
  const reply = await post("v1/chat", body, { signal, headers: STREAM });
  for await (const { kind, data } of eventsIn(reply)) {
    if (kind === "error") throw new Problem({ ...data, detail: data.message });
    yield { kind, data };
    if (kind === "answer") return;
  }
  throw new Problem(CUT);
}
