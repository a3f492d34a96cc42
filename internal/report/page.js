// watfiberReport fills the elements of a page with what is known of a rewrite. It returns
// a function that takes it: facts, and the rewritten text as bytes.
function watfiberReport() {
  'use strict';
  const $ = (id) => document.getElementById(id);
  const el = (tag, props = {}, ...kids) => {
    const e = Object.assign(document.createElement(tag), props);
    e.append(...kids);
    return e;
  };

  // --- data ---

  let data, source, trace, rangeOf, byName, byIndex;
  let diff = null; // what a page that compares shows besides, see diff.js
  const decoder = new TextDecoder();
  const hasLines = (f) => f.at !== undefined || rangeOf.has(f.index);
  const linesOf = (f) => {
    if (f.text !== undefined) return f.text === '' ? [] : f.text.split('\n');
    const r = rangeOf.get(f.index);
    return r ? decoder.decode(new Uint8Array(source, r.from, r.to - r.from)).replace(/\n$/, '').split('\n') : [];
  };
  const numSites = (f) => f.numSites ?? f.sites?.length ?? 0;
  const percent = (a, b) => (b ? (100 * (a - b) / b).toFixed(1) : '0') + ' %';
  // The text is all of the rewritten one, as bytes, or a store that fills a function with
  // what there is to know of it.
  const load = (facts, text, recorded, compare) => {
    data = facts;
    source = text;
    trace = recorded;
    rangeOf = new Map((data.ranges ?? []).filter((r) => r.func >= 0).map((r) => [r.func, r]));
    if (data.comparison) {
      diff = compare({ $, el, link, linkTo, show, refresh, painted, cells, reveal, fillList, shown: () => fn, listed: () => shown }, data.comparison);
      views.changes = 'Changes';
      tab = 'changes';
    }
    event = shownAt = 0;
    if (trace || document.body.dataset.play) views.steps = 'Steps';
    byName = new Map(data.funcs.map((f) => [f.name, f]));
    byIndex = new Map(data.funcs.map((f) => [f.index, f]));
    $('summary').textContent = `${data.instrumented} of ${data.functions} functions get code, ${data.sites} call sites, ` +
      `${data.bytesBefore} → ${data.bytesAfter} bytes of code (+${percent(data.bytesAfter, data.bytesBefore)})`;
    fillList();
    const same = fn && shown.find((f) => f.name === fn.name);
    const asked = new URLSearchParams(location.hash.slice(1));
    if (!fn && views[asked.get('v')]) tab = asked.get('v');
    const first = same ?? (fn ? undefined : asked.has('f') ? byIndex.get(+asked.get('f')) : undefined);
    if (first && hasLines(first)) return show(first);
    return shown.length ? show(shown[0]) : undefined;
  };

  // --- state ---

  let fn = null; // the function that is shown
  let tab = 'code';
  let folded = false;
  const opened = new Set(); // rows whose bar is open
  let hit = null; // the name that is highlighted
  let at = -1; // the site that is shown

  // Colours follow what a site is called, so an edit elsewhere does not change them.
  const hue = (text) => {
    let h = 2166136261;
    for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
    return (h >>> 0) % 360;
  };
  let colours = []; // by site of the function that is shown
  const colour = (k) => colours[k] ?? 'var(--mark)';
  const chooseColours = () => {
    const nth = new Map();
    colours = (fn.sites ?? []).map(({ calls }) => {
      nth.set(calls, (nth.get(calls) ?? -1) + 1);
      return `hsl(${hue(calls + '.' + nth.get(calls))} 65% 50%)`;
    });
  };

  // --- text ---

  const tokens = /(;;.*$|\(;.*?;\))|("(?:[^"\\]|\\.)*")|(\$"(?:[^"\\]|\\.)*"|\$[^\s()";]+)|(-?(?:0x[\da-fA-F_.p+-]+|\d[\w.+-]*))|([a-z][\w.]*)/gm;
  const escaped = (s) => s.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
  // painted returns a text as HTML. In code most words are mnemonics: they have its colour,
  // and no elements of their own.
  const painted = (text, inCode) => {
    let out = '', from = 0;
    for (const m of text.matchAll(tokens)) {
      if (inCode && m[5]) continue;
      out += escaped(text.slice(from, m.index));
      const kind = m[1] ? 'c' : m[2] ? 's' : m[3] ? 'v' : m[4] ? 'n' : 'k';
      const numbered = kind === 'n' && /local\.(get|set|tee)\s+$/.test(text.slice(0, m.index));
      const cls = numbered ? 'v' : kind;
      const name = cls === 'v' ? ` data-v="${escaped(m[0])}"` : '';
      out += `<span class="${cls}${cls === 'v' && m[0] === hit ? ' hit' : ''}"${name}>${escaped(m[0])}</span>`;
      from = m.index + m[0].length;
    }
    return out + escaped(text.slice(from));
  };

  // rows are the lines of a function: source lines beside what became of them. Line is
  // the place in the text, sites those that an inserted line is about.
  const rowOf = (text) => {
    if (!text.includes(';;')) return { kind: 'same', src: text, out: text };
    const trimmed = text.trim();
    if (trimmed.startsWith(';;-')) return { kind: 'gone', src: text.replace(/;;- ?/, ''), out: text };
    return trimmed.includes(';;~') ? { kind: 'ins', src: '', out: text } : { kind: 'same', src: text, out: text };
  };
  const rowsOf = (f) => {
    const rows = linesOf(f).map((text, line) => {
      const row = { ...rowOf(text), line };
      if (row.kind === 'ins') {
        row.sites = [...text.matchAll(/\bsites? (\d+)/g)].map((m) => +m[1]);
        if (!row.sites.length && f.sites?.length === 1 && /^(block|end|.*the site)/.test(text.trim())) row.sites.push(0);
      }
      return row;
    });
    let site = -1; // calls are told from the lines behind them
    rows.forEach((row, i) => {
      if (row.kind === 'ins' && /unwinding\? then leave/.test(row.out) && i > 0) {
        site = row.sites[0] ?? site + 1;
        row.sites = [site];
        rows[i - 1].site = site;
      }
    });
    return rows;
  };

  // --- the list of functions ---

  let shown = [];
  const keys = {
    growth: (f) => -(f.bytesAfter - f.bytesBefore), sites: (f) => -numSites(f), frame: (f) => -f.frame, index: (f) => f.index, change: (f) => -diff.weight(f),
  };
  const fillList = () => {
    const word = $('search').value.toLowerCase();
    const order = $('order').value;
    shown = data.funcs.filter((f) => hasLines(f) && f.name.toLowerCase().includes(word) && (!diff || diff.wanted(f)));
    shown.sort((a, b) => (order === 'name' ? (a.name < b.name ? -1 : 1) : keys[order](a) - keys[order](b) || a.index - b.index));
    drawList();
  };
  const itemHeight = 24;
  const drawList = () => {
    const list = $('list');
    const from = Math.max(0, Math.floor(list.scrollTop / itemHeight) - 10);
    const to = Math.min(shown.length, from + Math.ceil(list.clientHeight / itemHeight) + 20);
    const spacer = el('div');
    spacer.style.height = shown.length * itemHeight + 'px';
    list.replaceChildren(spacer);
    for (let i = from; i < to; i++) {
      const f = shown[i];
      const growth = f.bytesAfter - f.bytesBefore;
      const item = el('div', { className: 'item' + (f.status === 'instrumented' ? '' : ' plain'), id: 'f' + f.index, onclick: () => pick(f) },
        el('span', { className: 'title', textContent: f.name, title: f.name }), el('span', { textContent: growth ? '+' + growth : '' }));
      item.setAttribute('role', 'option');
      item.setAttribute('aria-selected', f === chosen);
      diff?.mark(f, item);
      item.style.top = i * itemHeight + 'px';
      list.append(item);
    }
    if (chosen) list.setAttribute('aria-activedescendant', 'f' + chosen.index);
  };

  // --- views ---

  const views = { code: 'Code', why: 'Why', frame: 'Frame', passes: 'Passes' };
  const drawTabs = () => {
    $('tabs').replaceChildren(...Object.entries(views).map(([id, title], i) => {
      const b = el('button', { type: 'button', id: 'tab-' + id, textContent: `${i + 1} ${title}`, onclick: () => { tab = id; draw(); } });
      b.setAttribute('role', 'tab');
      b.setAttribute('aria-selected', id === tab);
      return b;
    }));
    $('view').setAttribute('aria-labelledby', 'tab-' + tab);
  };
  // show shows a function, at once or when what is to be shown has been unpacked, and then
  // does something.
  let chosen = null;
  const show = (f, then) => {
    chosen = f;
    const waiting = f.at && f.text === undefined ? source.fill(f) : null;
    const ready = () => { if (chosen === f) { present(f); then?.(); } };
    return waiting ? waiting.then(ready) : ready();
  };
  // pick shows a function that was asked for, and not the view of all.
  const pick = (f) => { if (tab === 'changes') tab = 'code'; show(f); };
  const present = (f) => {
    fn = f; hit = null; at = -1; opened.clear();
    $('name').textContent = f.name;
    $('verdict').textContent = f.status === 'instrumented' ?
      `${f.why}. ${numSites(f)} call site${numSites(f) === 1 ? '' : 's'}, frame of ${f.frame} bytes, ${f.bytesBefore} → ${f.bytesAfter} bytes of code (+${percent(f.bytesAfter, f.bytesBefore)})` :
      f.status === 'untouched' ? 'Gets no code: nothing that it calls may suspend.' : f.status;
    chooseColours();
    diff?.head(f);
    const i = shown.indexOf(f), list = $('list');
    if (i >= 0 && (i * itemHeight < list.scrollTop || (i + 1) * itemHeight > list.scrollTop + list.clientHeight)) list.scrollTop = (i - 4) * itemHeight;
    drawList();
    draw();
  };
  const draw = () => {
    drawTabs();
    document.body.classList.toggle('all', tab === 'changes');
    if (!document.body.dataset.play) history.replaceState(null, '', `#f=${fn.index}&v=${tab}`);
    $('view').replaceChildren(({ code: codeView, why: whyView, frame: frameView, passes: passesView, changes: diff?.view, steps: stepsView })[tab]());
    $('view').scrollTop = 0;
    if (tab === 'code') fillChunks();
    if (tab !== 'steps' || !trace) tellSite(null);
  };

  // Code: rows have a known height, so that only those in sight are made.
  const rowHeight = 19, barHeight = 6, chunkSize = 20;
  let visible = [], tops = [];
  const layOut = () => {
    visible = [];
    const rows = diff ? diff.rows(fn, rowsOf(fn), rowOf) : rowsOf(fn);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      if (!folded || row.kind !== 'ins' || opened.has(row.line)) {
        visible.push({ ...row, height: rowHeight });
        continue;
      }
      const bar = { kind: 'bar', lines: [], sites: [], height: barHeight };
      while (i < rows.length && rows[i].kind === 'ins' && !opened.has(rows[i].line)) {
        bar.lines.push(rows[i].line);
        bar.sites.push(...rows[i].sites);
        if (rows[i].cls) { bar.cls = rows[i].cls; bar.hunks = [...bar.hunks ?? [], rows[i].hunk]; }
        i++;
      }
      i--;
      visible.push(bar);
    }
    tops = [0];
    for (const row of visible) tops.push(tops[tops.length - 1] + row.height);
  };
  const codeView = () => {
    layOut();
    const code = el('div', { className: diff ? 'code diff' : 'code', id: 'code' });
    code.style.setProperty('--src', Math.round($('view').clientWidth * 0.4) + 'px');
    code.style.setProperty('--longest', visible.reduce((most, row) => Math.max(most, row.out?.length ?? 0), 40));
    code.style.height = tops[tops.length - 1] + 12 + 'px';
    return code;
  };
  const rowHTML = (row, i) => {
    const site = row.site ?? row.sites?.[0];
    const style = site === undefined ? '' : ` style="--site:${colour(site)}"`;
    if (row.html) return row.html(i);
    if (row.kind === 'bar') {
      return `<div class="row bar${row.cls ?? ''}" data-row="${i}" tabindex="0" role="button" aria-label="${row.lines.length} inserted lines, open"${style}><div class="src"></div><div class="out" style="flex:1"><i></i></div></div>`;
    }
    const current = row.site !== undefined && row.site === at ? ' at' : '';
    return `<div class="row ${row.kind}${current}${row.cls ?? ''}" data-row="${i}"${style}><div class="src">${painted(row.src, true)}</div><div class="out">${painted(row.out, true)}</div></div>`;
  };
  const fillChunks = (all) => {
    const code = $('code'), view = $('view');
    if (!code) return;
    const top = all === true ? 0 : view.scrollTop - 600, bottom = all === true ? Infinity : view.scrollTop + view.clientHeight + 600;
    const wanted = new Set();
    for (let c = 0; c * chunkSize < visible.length; c++) {
      const end = Math.min((c + 1) * chunkSize, visible.length);
      if (tops[end] >= top && tops[c * chunkSize] <= bottom) wanted.add(c);
    }
    for (const chunk of [...code.children]) {
      if (!wanted.delete(+chunk.dataset.chunk)) chunk.remove();
    }
    for (const c of wanted) {
      const chunk = el('div', { className: 'chunk' });
      chunk.dataset.chunk = c;
      chunk.style.top = tops[c * chunkSize] + 'px';
      chunk.innerHTML = visible.slice(c * chunkSize, (c + 1) * chunkSize).map((row, k) => rowHTML(row, c * chunkSize + k)).join('');
      code.append(chunk);
    }
  };
  const refresh = () => {
    const top = $('view').scrollTop;
    $('view').replaceChildren(codeView());
    $('view').scrollTop = top;
    fillChunks();
  };
  const openBar = (row) => { row.lines.forEach((l) => opened.add(l)); refresh(); };
  const goTo = (site) => {
    if (!fn.sites?.length) return;
    at = (site + fn.sites.length) % fn.sites.length;
    if (tab !== 'code') { tab = 'code'; draw(); } else refresh();
    const i = visible.findIndex((row) => row.site === at);
    if (i >= 0) $('view').scrollTop = tops[i] - $('view').clientHeight / 3;
    fillChunks();
  };

  // reveal shows a row that a function chooses; one that is folded is opened first.
  const reveal = (chooses) => {
    tab = 'code';
    draw();
    const bar = visible.find((row) => row.kind === 'bar' && row.hunks?.some((hunk) => chooses({ hunk })));
    if (bar) { bar.lines.forEach((l) => opened.add(l)); $('view').replaceChildren(codeView()); }
    const i = visible.findIndex(chooses);
    if (i >= 0) $('view').scrollTop = tops[i] - $('view').clientHeight / 3;
    fillChunks();
  };

  const linkTo = (index, text) => {
    const f = byIndex.get(index);
    return f && hasLines(f) ? el('button', { className: 'link', type: 'button', textContent: text, onclick: () => pick(f) }) : el('span', { className: 'mono', textContent: text });
  };
  const link = (name) => {
    const f = byName.get(name);
    if (!f || !hasLines(f)) return el('span', { className: 'mono', textContent: name });
    return el('button', { className: 'link', type: 'button', textContent: name, onclick: () => show(f) });
  };
  const chip = (k) => {
    const c = el('span', { className: 'chip' });
    c.style.setProperty('--site', colour(k));
    return c;
  };
  const cells = (tag, ...texts) => el('tr', {}, ...texts.map((t) => el(tag, {}, t)));
  const whyView = () => {
    const pad = el('div', { className: 'pad' });
    if (fn.status !== 'instrumented') {
      pad.append(el('p', { textContent: $('verdict').textContent }));
      return pad;
    }
    pad.append(el('h3', { textContent: 'The shortest way to what suspends, through as few tables as possible' }));
    const path = el('ol', { className: 'path' });
    for (const s of fn.path ?? []) path.append(el('li', {}, link(s.from), ' ' + s.why + ' ', el('span', { className: 'mono', textContent: s.place ?? '' })));
    pad.append(path, el('h3', { textContent: 'Call sites' }));
    const table = el('table', {}, cells('th', 'site', 'calls', '', 'where', 'live'));
    fn.sites.forEach((s, k) => {
      const go = el('button', { className: 'link', type: 'button', textContent: k, onclick: () => goTo(k) });
      table.append(el('tr', {}, el('td', {}, chip(k), go), el('td', {}, link(s.calls)), el('td', { textContent: s.why }), el('td', { className: 'mono', textContent: s.place ?? '' }), el('td', { textContent: s.live })));
    });
    pad.append(table);
    return pad;
  };
  const sizes = { i32: 4, i64: 8, f32: 4, f64: 8, v128: 16 };
  const frameView = () => {
    const pad = el('div', { className: 'pad' });
    if (!fn.frame) {
      pad.append(el('p', { textContent: fn.status === 'instrumented' ? 'There is nothing to spill: the only site says where to go on.' : 'There is no frame: the function gets no code.' }));
      return pad;
    }
    // What lies at the lowest addresses is left out at sites that need nothing there.
    const rare = fn.frame - Math.min(...fn.sites.map((s) => s.frame));
    const slots = (fn.slots ?? []).map((s) => ({ ...s, bytes: sizes[s.type] }));
    const used = new Set(slots.flatMap((s) => Array.from({ length: s.bytes / 4 }, (_, i) => s.offset + 4 * i)));
    for (let o = 0; o < fn.frame; o += 4) if (!used.has(o)) slots.push({ name: 'site', type: 'i32', offset: o, bytes: 4, sites: fn.sites.map((_, k) => k), number: true });
    slots.sort((a, b) => a.offset - b.offset);
    const strip = el('div', { className: 'strip', role: 'img' });
    strip.setAttribute('aria-label', `frame of ${fn.frame} bytes: ` + slots.map((s) => s.name).join(', '));
    for (const s of slots) {
      const box = el('div', {}, el('b', { textContent: s.name }), el('small', { textContent: `+${s.offset} ${s.type}` }));
      box.style.minWidth = 14 * s.bytes + 'px';
      if (s.offset < rare) box.className = 'rare';
      strip.append(box);
    }
    pad.append(el('p', { textContent: `${fn.frame} bytes in the buffer, from the lowest address.` + (rare ? ` The first ${rare} are left out at sites that need nothing there.` : '') }), strip);
    const table = el('table', {}, cells('th', 'bytes', 'slot', 'type', 'needed at'));
    for (const s of slots) {
      const all = s.sites.length === fn.sites.length;
      table.append(el('tr', {}, el('td', { textContent: '+' + s.offset }), el('td', { className: 'mono' }, s.number ? 'site' :
        el('button', { className: 'link', type: 'button', textContent: s.name, onclick: () => { hit = spelled(s.name); tab = 'code'; draw(); } })),
        el('td', { textContent: s.type }), el('td', { textContent: s.number ? 'the number of the site' : all ? 'all sites' : s.sites.join(', ') || 'none' })));
    }
    pad.append(table);
    return pad;
  };
  const spelled = (name) => (/^\d/.test(name) || name.startsWith('$') ? name : '$' + name);
  const passesView = () => {
    const source = rowsOf(fn).filter((r) => r.kind !== 'ins').map((r) => r.src);
    const columns = [];
    for (const [nth, p] of data.passes.entries()) {
      const notes = (fn.notes ? fn.notes[nth] : p.notes?.[fn.index]) ?? [];
      const text = JSON.stringify(notes);
      const last = columns[columns.length - 1];
      if (last && last.text === text) { last.names.push(p); continue; }
      columns.push({ names: [p], notes, text });
    }
    const wide = el('div', { className: 'passes' });
    const most = 4000; // lines; a longer function is cut here, the code view has all of it
    for (const c of columns) {
      const pre = el('pre');
      let next = 0;
      source.slice(0, most).forEach((line, i) => {
        while (next < c.notes.length && c.notes[next].Line <= i) pre.append(el('span', { className: 'note', textContent: c.notes[next++].Text }));
        const code = el('span');
        code.innerHTML = painted(line);
        pre.append(code, '\n');
      });
      wide.append(el('section', {}, el('h3', { textContent: c.names.map((p) => p.name).join(', ') }), el('p', { textContent: c.names.map((p) => p.doc).join('; ') }), pre));
    }
    return wide;
  };

  // Steps: a recorded run. Everything has its place, so that what changes is seen to.
  let event = 0, predicts = false, shownAt = 0;
  const elements = (list, top) => {
    const all = [];
    for (let i = top; i > 0; i = list[i - 1].below) all.push(list[i - 1]);
    return all;
  };
  const functionNamed = (number) => trace.functions.find((f) => f.number === number) ?? { name: `function ${number}`, sites: [] };
  const stepTo = (n) => {
    n = Math.max(0, Math.min(trace.events.length - 1, n));
    if (n !== event) { event = n; shownAt = predicts && n > 0 ? -1 : n; }
    drawStep();
  };
  // The controls stay what they are while they are used: they have the focus, or are drawn.
  const drawStep = () => {
    const [bar, ...rest] = stepsView().children;
    const steps = $('view').querySelector('.steps'), kept = steps.firstChild;
    while (kept.nextSibling) kept.nextSibling.remove();
    steps.append(...rest);
    kept.querySelector('input').value = event;
    kept.querySelector('.mono').textContent = bar.querySelector('.mono').textContent;
  };
  // tellSite tells who listens at which site the program is.
  const tellSite = (e) => {
    const on = e && (e.function && e.site >= 0 ? e : trace.stack[e.stack - 1]);
    $('view').dispatchEvent(new CustomEvent('site', { detail: on ? functionNamed(on.function).sites[on.site] : null }));
  };
  const stackBox = (e, element) => {
    const f = functionNamed(element.function);
    const site = f.sites[element.site];
    return el('div', { className: 'box' + (e.state === 'unwinding' ? ' leaving' : e.state === 'rewinding' ? ' coming' : '') },
      el('b', { textContent: f.name }), el('small', { textContent: site ? `at its call of ${site.callee}` : '' }));
  };
  const frameBox = (element) => {
    const f = functionNamed(element.function);
    const values = (element.values ?? []).map((v) => `${/^\d/.test(v.name) ? 'local ' : ''}${v.name} = ${v.value}`).join(', ');
    return el('div', { className: 'box frame' }, el('b', { textContent: f.name }), el('small', { textContent: `${element.size} bytes at 0x${element.address.toString(16)}` }), el('span', { textContent: values }));
  };
  const stepsView = () => {
    if (!trace) return el('div', { className: 'pad' }, el('p', { textContent: 'Run the program: what happens to its stack is recorded, and can be gone through here, forwards and back.' }));
    const e = trace.events[event], hidden = shownAt !== event;
    const seen = hidden ? trace.events[event - 1] : e;
    tellSite(seen);
    const button = (text, label, to) => {
      const b = el('button', { type: 'button', textContent: text, onclick: () => stepTo(to()) });
      b.setAttribute('aria-label', label);
      return b;
    };
    const next = (by, kind) => {
      for (let i = event + by; trace.events[i]; i += by) if (kind(trace.events[i], trace.events[i - 1])) return i;
      return by < 0 ? 0 : trace.events.length - 1;
    };
    const slider = el('input', { type: 'range', min: 0, max: trace.events.length - 1, value: event, oninput: () => stepTo(+slider.value) });
    slider.setAttribute('aria-label', 'Step');
    const predict = el('input', { type: 'checkbox', id: 'predict', checked: predicts, onchange: () => { predicts = predict.checked; shownAt = event; drawStep(); } });
    const changes = (a, b) => b && a.state !== b.state;
    const bar = el('div', { className: 'controls' }, button('|◀', 'To the start', () => 0), button('◀', 'One step back', () => event - 1), button('▶', 'One step on', () => event + 1),
      button('▶|', 'To the next change of state', () => next(1, changes)), slider, el('span', { className: 'mono', textContent: `${event + 1} / ${trace.events.length}` }),
      el('label', {}, predict, ' predict'));
    const lamps = el('div', { className: 'lamps', role: 'status' }, ...['running', 'unwinding', 'rewinding'].map((s) => el('span', { className: s + (seen?.state === s ? ' on' : ''), textContent: s })));
    const sentence = el('p', { className: 'sentence' });
    if (hidden) sentence.append('What happens next? ', el('button', { type: 'button', id: 'reveal', textContent: 'Show', onclick: () => { shownAt = event; drawStep(); } }));
    else sentence.textContent = e.text;
    const column = (title, boxes, none) => el('section', {}, el('h3', { textContent: title }), ...(boxes.length ? boxes : [el('p', { className: 'none', textContent: none })]));
    const stack = seen ? elements(trace.stack, seen.stack) : [], buffer = seen ? elements(trace.frames, seen.buffer) : [];
    const fiber = seen?.fiber ? trace.fibers[seen.fiber - 1] : null;
    const printed = trace.events.slice(0, (hidden ? event - 1 : event) + 1).map((x) => x.output ?? '').join('');
    const facts = el('section', {}, el('h3', { textContent: 'At this moment' }), el('table', {},
      cells('td', 'fiber', fiber ? `${fiber.id} ${fiber.name}` : '–'), cells('td', 'shadow stack pointer', seen?.sp ? '0x' + seen.sp.toString(16) : '–'),
      cells('td', 'buffer', seen?.data ? `0x${seen.data.toString(16)}, position 0x${(seen.position ?? 0).toString(16)}` : '–')),
    el('h3', { textContent: 'Printed so far' }), el('pre', { className: 'mono', textContent: printed || ' ' }));
    return el('div', { className: 'pad steps' }, bar, lamps, sentence, el('div', { className: 'columns' },
      column('On the stack of the engine', stack.map((x) => stackBox(seen, x)), 'nothing'), column('In the buffer', buffer.map(frameBox), 'nothing'), facts));
  };

  // --- what the reader does ---

  $('view').addEventListener('scroll', () => tab === 'code' && fillChunks());
  $('list').addEventListener('scroll', drawList);
  $('search').addEventListener('input', () => { $('list').scrollTop = 0; fillList(); });
  $('order').addEventListener('change', () => { $('list').scrollTop = 0; fillList(); });
  addEventListener('resize', () => { drawList(); if (tab === 'code') fillChunks(); });
  addEventListener('beforeprint', () => tab === 'code' && fillChunks(true));
  addEventListener('afterprint', () => tab === 'code' && fillChunks());
  $('view').addEventListener('click', (e) => {
    const bar = e.target.closest('.bar');
    if (bar) return openBar(visible[+bar.dataset.row]);
    const was = e.target.closest('.was');
    if (was) return diff.toggle(visible[+was.dataset.row], was.dataset.row);
    const name = e.target.closest('.v')?.dataset.v;
    if (name && tab === 'code') { hit = hit === name ? null : name; refresh(); }
  });
  let over = null; // the name that the pointer is on
  $('view').addEventListener('mouseover', (e) => {
    const name = e.target.closest?.('.v')?.dataset.v;
    if ((name ?? hit) === over) return;
    over = name ?? hit;
    for (const v of $('view').querySelectorAll('.v')) v.classList.toggle('hit', v.dataset.v === (name ?? hit));
  });
  $('help').onclick = () => $('keys').showModal();
  $('theme').onclick = () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    document.documentElement.dataset.theme = dark ? 'light' : 'dark';
  };
  const step = (by) => { const i = shown.indexOf(chosen); if (shown[i + by]) pick(shown[i + by]); };
  addEventListener('keydown', (e) => {
    if (e.target.closest('input:not([type=checkbox]), select, textarea, dialog')) { if (e.key === 'Escape') e.target.blur(); return; }
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const bar = document.activeElement?.closest?.('.bar'), was = document.activeElement?.closest?.('.was');
    const actions = {
      j: () => goTo(at + 1), k: () => goTo(at < 0 ? -1 : at - 1), n: () => step(1), p: () => step(-1),
      f: () => { folded = !folded; opened.clear(); if (tab === 'code') refresh(); },
      '/': () => $('search').focus(), '?': () => $('keys').showModal(),
      Escape: () => { hit = null; at = -1; if (tab === 'code') refresh(); },
      Enter: () => (bar ? openBar(visible[+bar.dataset.row]) : was && diff.toggle(visible[+was.dataset.row], was.dataset.row)),
      ...diff?.actions,
    };
    Object.keys(views).forEach((id, i) => { actions[i + 1] = () => { tab = id; draw(); }; });
    if (tab === 'steps' && trace) Object.assign(actions, { ArrowRight: () => stepTo(event + 1), ArrowLeft: () => stepTo(event - 1), Home: () => stepTo(0), End: () => stepTo(trace.events.length - 1) });
    if (document.activeElement === $('list')) Object.assign(actions, { ArrowDown: () => step(1), ArrowUp: () => step(-1) });
    if (actions[e.key]) { e.preventDefault(); actions[e.key](); }
  });

  const view = (id) => { tab = id; draw(); };
  const record = (recorded) => {
    trace = recorded;
    event = shownAt = 0;
    if (tab === 'steps') draw();
  };
  return { load, painted, record, view };
}
