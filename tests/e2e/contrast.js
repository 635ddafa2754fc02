// The elements with text of their own whose contrast with what is behind them is below 4.5 to 1.
() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  const channels = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };

  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((it) => it / 255).map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };

  const behind = (element) => {
    for (let it = element; it; it = it.parentElement) {
      const colour = channels(getComputedStyle(it).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };

  const contrast = (element) => {
    const style = getComputedStyle(element);
    const text = element.closest("svg") ? style.fill : style.color;
    const [dark, light] = [luminance(channels(text)), luminance(behind(element))].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  return [...document.body.querySelectorAll(":not(script, style, option)")]
    .filter((it) => [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((it) => it.getClientRects().length && contrast(it) < 4.5)
    .map((it) => `${contrast(it).toFixed(2)} ${it.outerHTML.slice(0, 120)}`);
}
