// What has less contrast than WCAG 2 asks for at level AA: 4.5 to 1, for large text 3 to 1. Colours
// that let through what is behind them are mixed with it; so are elements that do.
(() => {
  const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const seen = new Map();
  const parse = (text) => {
    if (!seen.has(text)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = text;
      context.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
      seen.set(text, [r, g, b, a / 255]);
    }
    return seen.get(text);
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const backs = new Map();
  const behind = (e) => {
    if (!e) return [255, 255, 255, 1];
    if (!backs.has(e)) {
      const c = parse(getComputedStyle(e).backgroundColor);
      backs.set(e, c[3] === 1 ? c : over(c, behind(e.parentElement)));
    }
    return backs.get(e);
  };
  const opacities = new Map();
  const opacity = (e) => {
    if (!e) return 1;
    if (!opacities.has(e)) opacities.set(e, getComputedStyle(e).opacity * opacity(e.parentElement));
    return opacities.get(e);
  };
  const light = (c) => {
    const [r, g, b] = c.map((v) => ((v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const poor = new Set();
  const check = (e, style, text) => {
    const back = behind(e), colour = parse(style.color);
    const a = light(over([...colour.slice(0, 3), colour[3] * opacity(e)], back)), b = light(back);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && +style.fontWeight >= 700;
    if (ratio < (large ? 3 : 4.5)) poor.add(`${e.tagName.toLowerCase()}.${e.className} "${text.trim().slice(0, 20)}" ${ratio.toFixed(1)}`);
  };
  for (const e of document.querySelectorAll('body, body *')) {
    if (['SCRIPT', 'STYLE', 'OPTION', 'NOSCRIPT', 'TEMPLATE'].includes(e.tagName) || e.disabled || !e.checkVisibility()) continue;
    const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent).join('');
    const style = getComputedStyle(e);
    // A text that is painted by an element below is not seen itself.
    if (text.trim() && !(e.tagName === 'TEXTAREA' && parse(style.color)[3] === 0)) check(e, style, text);
    for (const pseudo of ['::before', '::after']) {
      const s = getComputedStyle(e, pseudo), quoted = s.content.match(/^"(.+)"$/);
      if (quoted) check(e, s, quoted[1]);
    }
    if (e.placeholder && e.value === '') check(e, getComputedStyle(e, '::placeholder'), e.placeholder);
  }
  return [...poor].slice(0, 8).join('; ');
})()
