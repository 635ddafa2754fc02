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
      const key = form.elements.key.value.trim();
      if (!/^[!-~]+$/.test(key)) {
        // A browser sends no other sign in a header, and says no more than that it failed.
        dialog.querySelector(".detail").textContent = "A key has letters, digits and signs of ASCII alone: copy it once more.";
        return;
      }
      resolve(key);
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
