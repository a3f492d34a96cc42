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
  let stop = null; // ends the run that is under way
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
  const lineHeight = 19, padding = 8;
  let line = 0; // at which a recorded run is, 0 for none
  const scroll = () => {
    paint.scrollTop = source.scrollTop;
    paint.scrollLeft = source.scrollLeft;
    $('line').hidden = !line;
    $('line').style.top = padding + (line - 1) * lineHeight - source.scrollTop + 'px';
  };
  $('view').addEventListener('site', ({ detail: site }) => {
    line = site?.file === 'in.wat' ? site.line : 0;
    const top = (line - 1) * lineHeight;
    if (line && (top < source.scrollTop || top + 2 * lineHeight > source.scrollTop + source.clientHeight)) source.scrollTop = top - source.clientHeight / 3;
    scroll();
  });
  const drawProblems = () => {
    $('problems').replaceChildren(...problems.map((p) => {
      const b = document.createElement('button');
      b.type = 'button';
      b.textContent = (p.line ? `${p.line}:${p.column}: ` : '') + p.message;
      b.onclick = () => {
        if (p.from < 0) return;
        source.focus();
        source.setSelectionRange(p.from, Math.max(p.to, p.from + 1));
        source.scrollTop = (p.line - 6) * lineHeight;
      };
      return b;
    }));
    document.body.classList.toggle('stale', problems.length > 0);
  };
  const rewrite = () => {
    const asked = { source: source.value, flags: $('flags').value };
    const r = watfiber.rewrite(asked.source, asked.flags);
    problems = r.errors ? JSON.parse(r.errors) : [];
    if (!r.errors) {
      stop?.(); // what runs is another program
      built = { ...r, ...asked, host: JSON.parse(r.host), facts: JSON.parse(r.facts) };
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

  // --- running: the browser's own engine, in a worker, and a host that does what is expected ---

  let scrolls = false;
  const add = (...nodes) => {
    $('log').append(...nodes);
    if (!scrolls) requestAnimationFrame(() => { scrolls = false; $('log').scrollTop = 1e9; });
    scrolls = true;
  };
  const say = (text, strong) => {
    const line = document.createElement(strong ? 'b' : 'span');
    line.textContent = text + '\n';
    add(line);
  };
  const host = URL.createObjectURL(new Blob([$('host').textContent], { type: 'text/javascript' }));
  const mostOfRecording = 2000; // milliseconds

  // execute runs a program until it ends or is ended.
  const execute = (job, hear, most) => new Promise((done) => {
    const worker = new Worker(host);
    const end = (outcome) => {
      stop = null;
      clearTimeout(timeout);
      worker.terminate();
      done(outcome);
    };
    stop = () => end({ stopped: true, ended: 'the recording ends: the program was stopped' });
    let timeout = 0;
    const begins = () => { timeout = most && setTimeout(() => end({ stopped: true, ended: `the recording ends: the program has run for ${most / 1000} seconds` }), most); };
    worker.onmessage = ({ data }) => (data.begins ? begins() : data.done ? end(data.done) : hear(data));
    worker.onerror = (e) => end({ stopped: true, ended: `the host has failed: ${e.message}` });
    worker.postMessage(job);
  });
  // record runs the program once more, with probes, and gives the page the trace.
  const record = async (program, job) => {
    const probed = watfiber.probe(program.source, program.flags);
    if (probed.errors) return say('nothing is recorded: ' + JSON.parse(probed.errors).map((p) => p.message).join('; '));
    if (!probed.binary) return say('nothing in this module may suspend, so there is nothing to step through');
    let wrong = '', waiting = [], bytes = 0; // a call of watfiber takes as long as hundreds of notes
    const hand = () => {
      const all = new Uint8Array(bytes);
      let at = 0;
      for (const w of waiting) { all.set(w, at); at += w.length; }
      wrong ||= watfiber.note(all);
      waiting = [];
      bytes = 0;
    };
    const out = await execute({ ...job, binary: probed.binary, sizes: probed.sizes }, ({ notes }) => {
      if (!notes) return;
      waiting.push(new Uint8Array(notes.buffer));
      bytes += notes.byteLength;
      if (bytes > 1 << 18) hand();
    }, mostOfRecording);
    hand();
    const trap = out.fault && watfiber.fault(out.fault);
    const text = watfiber.trace(out.full ? 'the recording ends: the program does more than is recorded' : out.ended + (trap ? '; ' + trap : ''));
    if (built !== program) return;
    if (wrong) return say(wrong, true);
    const trace = JSON.parse(text);
    built.trace = text;
    page.record(trace);
    if (probed.note) say(probed.note);
    const b = document.createElement('button');
    b.type = 'button';
    b.id = 'step';
    b.textContent = `Step through ${trace.events.length} event${trace.events.length === 1 ? '' : 's'}` + (trace.left_out ? `; ${trace.left_out} more are left out` : '');
    b.onclick = () => { page.view('steps'); $('tabs').scrollIntoView(); };
    add(b, '\n');
  };
  // differs says what the original does from where it does something else.
  const differs = (here, there) => {
    const from = there.first.findIndex((text, i) => text !== here.first[i]);
    return 'the original does something else' + (from < 0 ? '' : `, from step ${from + 1}:\n${there.first.slice(from, from + 10).join('\n')}`);
  };
  const runAll = async (program, call) => {
    const { facts, host: { imports, alone } } = program;
    const tell = (...said) => { if (built === program) say(...said); }; // it may have been edited meanwhile
    const suspending = new Set(facts.funcs.filter((f) => f.status === 'suspending import').map((f) => f.name));
    const job = { ...call, schedule: $('schedule').value, imports: imports.map((f) => ({ ...f, may: suspending.has(`${f.module}.${f.name}`) })) };
    const out = await execute({ ...job, binary: program.after }, (heard) => tell(heard.line));
    if (out.more) tell(`… and ${out.more} more lines`);
    if (out.last) tell(out.last, true);
    if (out.fault && watfiber.fault(out.fault)) tell(watfiber.fault(out.fault));
    if (out.stopped) {
      tell('stopped', true);
    } else if (alone) {
      const plain = await execute({ ...job, binary: program.before, schedule: '' }, () => {});
      const same = JSON.stringify(out.results) === JSON.stringify(plain.results);
      if (plain.stopped) tell('the original was stopped', true);
      else if (same) tell(`the original does the same, without suspending; this suspended ${out.suspends} time${out.suspends === 1 ? '' : 's'}`);
      else tell(differs(out.results, plain.results), true);
    } else {
      tell('the original imports what the rewrite provides, and cannot run without');
    }
    if (built === program) await record(program, job);
  };
  const runButton = document.querySelector('#run button');
  $('run').addEventListener('submit', async (e) => {
    e.preventDefault();
    if (stop) return stop();
    if (document.body.dataset.running) return;
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
    document.body.dataset.running = 'yes';
    runButton.textContent = 'Stop';
    try {
      await runAll(built, { name: m[1], args });
    } finally {
      delete document.body.dataset.running;
      runButton.textContent = 'Run';
    }
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
    if (what === 'trace') built.trace ? save('trace.json', built.trace) : say('nothing is recorded yet: run it');
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
