// The sheet on which the articles come up where the screen is narrow. While it is up, the history has
// one entry more, so that Back takes it down.

import { byId } from "./dom.js";
import { address } from "./link.js";

const SHEET = "sheet"; // the state of that entry
const BELOW = "below"; // and of the one that Back leads to

/** @param {() => void} back called when Back was pressed, to take the sheet down and move the focus. */
export const createSheet = (back) => {
  const narrow = matchMedia("(max-width: 60rem)");
  let leaving = false; // while the entry of a sheet that was taken down is on its way out

  const isUp = () => document.body.classList.contains("sheet");

  const show = (up) => {
    document.body.classList.toggle("sheet", up);
    for (const side of [byId("head"), byId("talk")]) side.inert = up;
  };

  const raise = () => {
    if (!narrow.matches) return;
    show(true);
    if (history.state === SHEET) return;
    history.replaceState(BELOW, "");
    history.pushState(SHEET, "");
  };

  const lower = () => {
    if (!isUp()) return;
    show(false);
    if (history.state !== SHEET || leaving) return;
    leaving = true;
    history.back();
  };

  addEventListener("popstate", ({ state }) => {
    const wanted = leaving && isUp(); // again, since it was taken down
    leaving = false;
    if (state === SHEET) {
      raise();
      byId("close").focus();
      return;
    }
    if (state === BELOW) history.replaceState(null, "", address);
    if (wanted) raise();
    else if (isUp()) back();
  });
  narrow.addEventListener("change", lower);

  return { narrow, isUp, raise, lower };
};
