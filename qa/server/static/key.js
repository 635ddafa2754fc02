// Asks for an API key where the server wants one.

import { byId } from "./dom.js";

let asking = null;

/** The key that the reader types in, or the problem thrown; requests that fail together ask once. */
export const askForKey = (problem) => {
  asking ??= new Promise((resolve, reject) => {
    const dialog = byId("key");
    const form = dialog.querySelector("form");
    dialog.querySelector(".detail").textContent = problem.detail;
    form.onsubmit = (event) => {
      event.preventDefault();
      resolve(form.elements.key.value.trim());
      dialog.close();
    };
    dialog.onclose = () => {
      asking = null;
      form.reset();
      reject(problem); // means nothing once it is resolved
    };
    dialog.showModal();
  });
  return asking;
};
