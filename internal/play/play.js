(async () => {
  'use strict';
  const $ = (id) => document.getElementById(id);
  const page = watfiberReport();

  // --- watfiber, compiled to WebAssembly ---

  const unpack = (id) => {
    const text = atob($(id).textContent.trim());
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    $(id).remove();
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')));
  };
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(await unpack('program').arrayBuffer(), go.importObject);
  go.run(instance);

  // --- the editor: what is typed is transparent, and painted below ---

  const source = $('source'), paint = $('paint');
  const large = 200000; // characters; a longer text is not painted
  let built = null, problems = [];
  const drawSource = () => {
    const text = source.value;
    source.classList.toggle('large', text.length > large);
    if (text.length > large) { paint.textContent = ''; return; }
    const marked = problems.filter((p) => p.from >= 0).sort((a, b) => a.from - b.from);
    let html = '', from = 0;
    for (const p of marked) {
      if (p.from < from) continue;
      const to = Math.max(p.to, p.from + 1);
      html += page.painted(text.slice(from, p.from)) + '<mark>' + page.painted(text.slice(p.from, to) || ' ') + '</mark>';
      from = to;
    }
    paint.innerHTML = html + page.painted(text.slice(from)) + '\n';
    scroll();
  };
  const scroll = () => { paint.scrollTop = source.scrollTop; paint.scrollLeft = source.scrollLeft; };
  const drawProblems = () => {
    $('problems').replaceChildren(...problems.map((p) => {
      const b = document.createElement('button');
      b.type = 'button';
      b.textContent = (p.line ? `${p.line}:${p.column}: ` : '') + p.message;
      b.onclick = () => {
        if (p.from < 0) return;
        source.focus();
        source.setSelectionRange(p.from, Math.max(p.to, p.from + 1));
        source.scrollTop = (p.line - 6) * 19;
      };
      return b;
    }));
    document.body.classList.toggle('stale', problems.length > 0);
  };
  const rewrite = () => {
    const r = watfiber.rewrite(source.value, $('flags').value);
    problems = r.errors ? JSON.parse(r.errors) : [];
    if (!r.errors) {
      built = { ...r, host: JSON.parse(r.host), facts: JSON.parse(r.facts) };
      page.load(built.facts, r.text.buffer);
    }
    drawProblems();
    drawSource();
  };
  let timer = 0;
  const edited = () => { drawSource(); clearTimeout(timer); timer = setTimeout(rewrite, source.value.length > large ? 800 : 150); };
  const set = (text, flags, call) => {
    source.value = text;
    if (flags !== undefined) $('flags').value = flags;
    $('call').value = call ?? '';
    $('log').textContent = '';
    source.scrollTop = 0;
    rewrite();
  };
  source.addEventListener('input', edited);
  source.addEventListener('scroll', scroll);
  $('flags').addEventListener('input', edited);

  // --- running: the browser's own engine, and a host that does what is expected ---

  const say = (text, strong) => {
    const line = document.createElement(strong ? 'b' : 'span');
    line.textContent = text + '\n';
    $('log').append(line);
    $('log').scrollTop = 1e9;
  };
  const shown = (v) => (v === undefined ? '' : typeof v === 'bigint' ? v.toString() : String(v));
  const pageSize = 65536;

  // A host answers each call with three times the sum of its arguments and one. Of a module
  // that was rewritten, what may suspend does so as the schedule says: it unwinds the stack,
  // and returns on a rewind.
  const run = async (binary, name, args, schedule) => {
    const results = [];
    let calls = 0, suspends = 0, rewound = null;
    let exports;
    const answer = (f, values) => {
      const sum = values.reduce((a, v) => a + Number(v), 0);
      const r = f.results.map((t, i) => (t === 'i64' ? BigInt(Math.trunc(3 * sum + 1 + i)) : 3 * sum + 1 + i));
      return r.length > 1 ? r : r[0];
    };
    const suspending = new Set(built.facts.funcs.filter((f) => f.status === 'suspending import').map((f) => f.name));
    const buffer = () => {
      const memory = exports.memory;
      if (!(memory instanceof WebAssembly.Memory)) throw new Error('to be run here, the module has to export its memory as "memory"');
      const at = memory.buffer.byteLength;
      memory.grow(1);
      new Uint32Array(memory.buffer, at, 2).set([at + 16, at + pageSize]);
      return at;
    };
    let block = 0;
    const imports = {};
    for (const f of built.host.imports) {
      const label = `${f.module}.${f.name}`;
      const may = schedule && suspending.has(label);
      (imports[f.module] ??= {})[f.name] = (...values) => {
        if (rewound) {
          exports.asyncify_stop_rewind();
          rewound = null;
        } else if (may && exports && schedule(calls++)) { // a start function runs before there are exports
          suspends++;
          say(`${label}(${values.map(shown).join(', ')}) suspends: unwinding`);
          block ||= buffer();
          exports.asyncify_start_unwind(block);
          const zeros = f.results.map((t) => (t === 'i64' ? 0n : 0));
          return zeros.length > 1 ? zeros : zeros[0];
        }
        const r = answer(f, values);
        results.push(`${label}(${values.map(shown).join(', ')}) = ${shown(r)}`);
        say(results[results.length - 1]);
        return r;
      };
    }
    try {
      ({ instance: { exports } } = await WebAssembly.instantiate(binary, imports));
      if (!exports[name]) throw new Error(`there is no exported function ${name}`);
      let r = exports[name](...args);
      while (exports.asyncify_get_state?.() === 1) {
        exports.asyncify_stop_unwind();
        const used = new Uint32Array(exports.memory.buffer, block, 1)[0] - block - 16;
        say(`the stack is empty; its frames take ${used} bytes in the buffer`);
        await new Promise((done) => setTimeout(done));
        exports.asyncify_start_rewind(block);
        rewound = true;
        say('rewinding');
        r = exports[name](...args);
      }
      results.push(shown(r));
      say(`${name}(${args.map(shown).join(', ')}) = ${shown(r)}`, true);
    } catch (e) {
      results.push(String(e));
      say(String(e), true);
    }
    return { results, suspends };
  };
  const schedules = { always: () => true, never: () => false, second: (n) => n % 2 === 1 };
  $('run').addEventListener('submit', async (e) => {
    e.preventDefault();
    $('log').textContent = '';
    if (!built) return say('there is nothing to run yet');
    const m = /^\s*([^\s(]+)\s*(?:\((.*)\))?\s*$/.exec($('call').value || built.host.exports[0]?.name || '');
    if (!m) return say('write a call such as sum(3)');
    const f = built.host.exports.find((x) => x.name === m[1]);
    if (!f) return say(`the exported functions are ${built.host.exports.map((x) => `${x.name}(${x.params.join(', ')})`).join(', ') || 'none'}`);
    const words = (m[2] ?? '').split(',').map((w) => w.trim()).filter(Boolean);
    let args;
    try {
      args = f.params.map((t, i) => (t === 'i64' ? BigInt(words[i] ?? 0) : Number(words[i] ?? 0)));
    } catch (err) {
      return say(String(err));
    }
    const out = await run(built.after, m[1], args, schedules[$('schedule').value]);
    const log = $('log').childNodes.length;
    const plain = await run(built.before, m[1], args, null);
    while ($('log').childNodes.length > log) $('log').lastChild.remove();
    const same = JSON.stringify(out.results) === JSON.stringify(plain.results);
    say(same ? `the original does the same, without suspending; this suspended ${out.suspends} time${out.suspends === 1 ? '' : 's'}` :
      `the original does something else:\n${plain.results.join('\n')}`, !same);
  });

  // --- examples, files, links ---

  const cases = JSON.parse($('cases').textContent);
  for (const [i, c] of cases.entries()) $('examples').append(new Option(c.name.replaceAll('_', ' '), i));
  $('examples').addEventListener('change', () => {
    const c = cases[$('examples').value];
    if (c) { set(c.source, c.flags, c.call); say(c.doc); }
    $('examples').value = '';
  });
  const take = async (file) => {
    if (!file) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (bytes[0] === 0 && bytes[1] === 0x61) {
      const r = watfiber.dis(file.name, bytes);
      if (r.errors) { problems = JSON.parse(r.errors); drawProblems(); return; }
      set(r.text);
    } else {
      set(new TextDecoder().decode(bytes));
    }
  };
  $('open').onclick = () => $('file').click();
  $('file').addEventListener('change', () => take($('file').files[0]));
  addEventListener('dragover', (e) => { e.preventDefault(); document.body.classList.add('drop'); });
  addEventListener('dragleave', () => document.body.classList.remove('drop'));
  addEventListener('drop', (e) => { e.preventDefault(); document.body.classList.remove('drop'); take(e.dataTransfer.files[0]); });
  const save = (name, data) => {
    const a = document.createElement('a');
    a.href = URL.createObjectURL(new Blob([data]));
    a.download = name;
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 1000);
  };
  $('save').addEventListener('change', () => {
    const what = $('save').value;
    $('save').value = '';
    if (what === 'source') return save('source.wat', source.value);
    if (!built) return;
    if (what === 'wat') save('rewritten.wat', built.text);
    if (what === 'wasm') save('rewritten.wasm', built.after);
  });

  // A link holds everything: it goes nowhere but into the address.
  const toLink = async (state) => {
    const stream = new Blob([JSON.stringify(state)]).stream().pipeThrough(new CompressionStream('deflate-raw'));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    let text = '';
    for (const b of bytes) text += String.fromCharCode(b);
    return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  };
  const fromLink = async (link) => {
    const text = atob(link.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))).json();
  };
  $('share').onclick = async () => {
    location.hash = 's=' + await toLink({ text: source.value, flags: $('flags').value, call: $('call').value });
    try { await navigator.clipboard.writeText(location.href); say('the link is in the clipboard, and in the address of this page'); } catch { say('the link is in the address of this page'); }
  };
  const begin = async () => {
    const link = new URLSearchParams(location.hash.slice(1)).get('s');
    if (link) {
      try {
        const s = await fromLink(link);
        return set(String(s.text ?? ''), String(s.flags ?? ''), String(s.call ?? ''));
      } catch { say('the link in the address cannot be read'); }
    }
    const c = cases.find((c) => c.name === 'loop_call_in_body') ?? cases[0];
    if (c) set(c.source, c.flags, c.call);
  };
  addEventListener('hashchange', begin);
  await begin();
  document.documentElement.dataset.ready = 'yes';
})();
