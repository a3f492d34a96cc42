// watfiberDiff adds to a page what differs from another module. It is given the parts of the
// page that it needs, and returns what the page asks it for.
function watfiberDiff(page, comparison) {
  'use strict';
  const { $, el, link, show, refresh, painted, cells } = page;
  const changes = new Map(comparison.funcs.map((c) => [c.func, c]));
  const words = {
    instrumented: ['+', 'newly instrumented'], added: ['+', 'new'], freed: ['−', 'freed'], removed: ['−', 'gone'], changed: ['~', 'changed'],
    renamed: ['·', 'renamed'], text: ['·', 'only other words'],
  };
  const sign = (c) => (c.code ? words[c.status] : ['·', `gets no code; ${{ changed: 'its source has changed' }[c.status] ?? words[c.status][1]}`]);
  const signed = (n) => (n > 0 ? '+' + n : n < 0 ? '−' + -n : '');
  const plural = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  const kinds = { '+': 'added', '-': 'removed', '~': 'moved' };
  const lineList = (lines) => el('ul', { className: 'changes' }, ...lines.map((line) => {
    const s = el('b', { className: kinds[line[0]], textContent: line[0] === '-' ? '−' : line[0] });
    return el('li', {}, s, ' ' + line.slice(2));
  }));

  // --- the list of functions ---

  const count = comparison.funcs.length;
  const only = el('input', { type: 'checkbox', id: 'only', checked: count > 0 });
  $('order').closest('.find').after(el('label', { className: 'only' }, only, ` changed only (${count})`));
  $('order').append(el('option', { value: 'change', textContent: 'difference' }));
  $('order').value = 'change';
  only.addEventListener('change', page.fillList);
  const wanted = (f) => !only.checked || changes.has(f.index);
  const weight = (f) => { const c = changes.get(f.index); return !c ? 0 : c.status === 'text' ? 1 : (c.code ? 1e9 : 2) + Math.abs(c.bytes); };
  const mark = (f, item) => {
    const c = changes.get(f.index), [s, title] = c ? sign(c) : [' ', 'not changed'];
    item.prepend(el('span', { className: 'sign ' + (kinds[s === '−' ? '-' : s] ?? ''), textContent: s, title }));
    if ($('order').value === 'change') item.lastChild.textContent = c ? signed(c.bytes) : '';
    item.setAttribute('aria-label', `${f.name}, ${title}` + (c?.bytes ? `, ${signed(c.bytes)} bytes` : ''));
  };

  // --- the head: what has changed in the function that is shown ---

  let here = -1; // the hunk that is shown
  const facts = el('div', { id: 'facts' });
  $('tabs').before(facts);
  const where = el('span', { className: 'where', role: 'status' });
  const button = (text, label, by) => {
    const b = el('button', { type: 'button', textContent: text, title: label, onclick: () => next(by) });
    b.setAttribute('aria-label', label);
    return b;
  };
  const walk = el('div', { className: 'walk' }, button('▲', 'Previous change  D', -1), where, button('▼', 'Next change  d', 1));
  const say = () => {
    const n = page.shown()?.hunks?.length ?? 0;
    where.textContent = here >= 0 ? `change ${here + 1} of ${n}` : n ? plural(n, 'change') + ' of the text' : 'no change of the text';
  };
  const head = (f) => {
    const c = changes.get(f.index);
    here = -1;
    opened.clear();
    if (f.gone) $('verdict').textContent = 'Is in the old module only.';
    const told = c ? el('p', {}, el('b', { textContent: sign(c)[1] }), c.figures ? ': ' + c.figures : '') : el('p', { textContent: 'Not changed.' });
    if (c?.through) told.append(', through ', link(c.through));
    facts.replaceChildren(told, lineList(c?.lines ?? []), ...(comparison.text ? [walk] : []));
    say();
  };

  // --- the code: lines that differ, and what stood there ---

  const opened = new Set(); // hunks whose old lines are shown
  const rows = (f, all, classify) => {
    if (!f.hunks) return all;
    const out = [];
    let next = 0;
    for (const [k, h] of f.hunks.entries()) {
      while (next < h.at) out.push(all[next++]);
      if (h.old !== undefined) out.push(...oldRows(f, h, k, classify));
      for (let i = 0; i < h.count; i++) {
        const row = all[next++];
        out.push({ ...row, hunk: k, cls: ' new' + (k === here ? ' here' : '') });
      }
    }
    for (; next < all.length; next++) out.push(all[next]);
    return out;
  };
  const oldRows = (f, h, k, classify) => {
    const lines = h.old.split('\n'), open = opened.has(k);
    const at = k === here ? ' here' : '';
    const told = open ? `▾ ${plural(lines.length, 'line')} before` :
      '▸ was ' + (lines.length === 1 ? '' : plural(lines.length, 'line') + ', the first ') + painted(lines[0].trim());
    const bar = {
      kind: 'was', hunk: k,
      html: (i) => `<div class="row was${at}" data-row="${i}" tabindex="0" role="button" aria-expanded="${open}" aria-label="${plural(lines.length, 'old line')}">` +
        `<div class="src"></div><div class="out">${told}</div></div>`,
    };
    const old = () => lines.map((line) => ({ ...classify(line), kind: 'old', hunk: k, cls: at }));
    return f.gone ? old() : open ? [bar, ...old()] : [bar];
  };
  const toggle = (row, i) => {
    if (!opened.delete(row.hunk)) opened.add(row.hunk);
    refresh();
    document.querySelector(`.was[data-row="${i}"]`)?.focus();
  };
  const toggleAll = () => {
    const n = page.shown()?.hunks?.length ?? 0;
    const open = opened.size < n;
    opened.clear();
    for (let k = 0; open && k < n; k++) opened.add(k);
    refresh();
  };
  const goTo = (k) => {
    here = k;
    say();
    page.reveal((row) => row.hunk === k);
  };
  // next goes to the next change, in the next function that has one if need be.
  const next = (by) => {
    const f = page.shown(), n = f?.hunks?.length ?? 0;
    const to = here < 0 && by < 0 ? n - 1 : here + by;
    if (to >= 0 && to < n) return goTo(to);
    const all = page.listed();
    for (let i = all.indexOf(f) + by; all[i]; i += by) {
      if (changes.has(all[i].index)) {
        return show(all[i], () => all[i].hunks?.length && goTo(by > 0 ? 0 : all[i].hunks.length - 1));
      }
    }
  };

  // --- all changes ---

  const sections = [
    ['Newly instrumented', (c) => c.code && (c.status === 'instrumented' || c.status === 'added')],
    ['Freed', (c) => c.code && (c.status === 'freed' || c.status === 'removed')],
    ['Changed', (c) => c.code && c.status === 'changed'],
  ];
  const most = 300; // functions of a section; the list has all
  const links = (all) => [...all.slice(0, most).flatMap((x, i) => [i ? ', ' : '', page.linkTo(x.func, x.title)]), all.length > most ? ` and ${all.length - most} more` : ''];
  const section = ([title, has]) => {
    const all = comparison.funcs.filter(has);
    if (!all.length) return [];
    const through = new Map(), first = [];
    for (const c of all) {
      if (!c.through) first.push(c);
      else if (through.has(c.through)) through.get(c.through).push(c);
      else through.set(c.through, [c]);
    }
    const out = first.slice(0, most).map((c) => {
      const followers = through.get(c.title.replace(/ \((new|gone|was .*)\)$/, '')) ?? [];
      const also = followers.length ? [el('p', { className: 'also' }, 'and with it ', ...links(followers))] : [];
      return el('article', {}, el('p', {}, page.linkTo(c.func, c.title), ' ', el('span', { className: 'figures', textContent: c.figures })), lineList(c.lines ?? []), ...also);
    });
    if (first.length > most) out.push(el('p', { textContent: `and ${first.length - most} more, which the list of functions has` }));
    return [el('h3', { textContent: `${title} (${all.length})` }), ...out];
  };
  const view = () => {
    const table = el('table', { className: 'sums' }, cells('th', '', 'old', 'new', ''),
      ...comparison.sums.map((s) => cells('td', s.what, String(s.old), String(s.new), signed(s.new - s.old))));
    const quiet = comparison.funcs.filter((c) => !c.code || c.status === 'text');
    const others = quiet.length ? [el('h3', { textContent: `Other lines, same code (${quiet.length})` }),
      el('p', { className: 'also' }, ...links(quiet))] : [];
    return el('div', { className: 'pad overview' },
      el('p', { className: 'between' }, el('span', { className: 'mono', textContent: comparison.old }), ' → ', el('span', { className: 'mono', textContent: comparison.new })),
      el('h3', { className: 'headline', textContent: comparison.headline }), table,
      ...comparison.remarks.map((r) => el('p', { className: 'remark', textContent: r })),
      ...(comparison.text ? [] : [el('p', { className: 'remark', textContent: 'The old module is a binary that has been rewritten already: its lines are not compared.' })]),
      ...sections.flatMap(section), ...others);
  };

  const keys = [['d D', 'next and previous change'], ['o', 'open and close all old lines; Enter on one']];
  $('keys').querySelector('dl').append(...keys.flatMap(([k, text]) => [el('dt', { textContent: k }), el('dd', { textContent: text })]));
  return { wanted, weight, mark, head, rows, toggle, view, actions: { d: () => next(1), D: () => next(-1), o: toggleAll } };
}
