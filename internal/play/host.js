// The host of the playground: it runs a program in a worker, which can be ended whatever
// the program does.
//
// A host answers each call with three times the sum of its arguments and one. Of a module
// that was rewritten, what may suspend does so as the schedule says: it unwinds the stack,
// and returns on a rewind. If the module has probes, what they say is noted for a recorder.
'use strict';
const pageSize = 65536;
const maxLines = 1000; // of what is said; the rest is counted
const maxNotes = 1 << 18;
const schedules = { always: () => true, never: () => false, second: (n) => n % 2 === 1 };
const shown = (v) => (v === undefined ? '' : typeof v === 'bigint' ? v.toString() : String(v));

// A run of an export: binary, imports (module, name, params, results, may), name, args,
// schedule, and sizes of frames if it has probes.
const run = async ({ binary, imports: functions, name, args, schedule, sizes }) => {
  let lines = 0, exports, block = 0, calls = 0, suspends = 0, rewound = false;
  const say = (text) => { if (lines++ < maxLines) postMessage({ line: text }); };
  let last = ''; // said at the end, however much was said before
  const results = { first: [], count: 0, hash: 0 };
  const result = (text) => {
    if (results.count++ < maxLines) results.first.push(text);
    for (let i = 0; i < text.length; i++) results.hash = (Math.imul(results.hash, 31) + text.charCodeAt(i)) | 0;
  };
  const memoryOf = () => Object.values(exports ?? {}).find((x) => x instanceof WebAssembly.Memory);
  const notes = recorder(() => memoryOf()?.buffer, sizes);

  const answer = (f, values) => {
    const sum = values.reduce((a, v) => a + Number(v), 0);
    return f.results.map((t, i) => (t === 'i64' ? BigInt(Math.trunc(3 * sum + 1 + i)) : 3 * sum + 1 + i));
  };
  const reserve = () => {
    const memory = memoryOf();
    if (!memory) throw new Error('to be run here, the module has to export its memory');
    const at = memory.buffer.byteLength;
    memory.grow(1);
    new Uint32Array(memory.buffer, at, 2).set([at + 16, at + pageSize]);
    return at;
  };
  const host = (f, number) => (...values) => {
    notes.call(number, f.params, values);
    const called = `${f.module}.${f.name}(${values.map(shown).join(', ')})`;
    let r;
    if (rewound) {
      exports.asyncify_stop_rewind();
      rewound = false;
    } else if (f.may && schedule && exports && schedules[schedule](calls++)) { // a start function runs before there are exports
      suspends++;
      say(`${called} suspends: unwinding`);
      block ||= reserve();
      exports.asyncify_start_unwind(block);
      r = f.results.map((t) => (t === 'i64' ? 0n : 0));
    }
    if (!r) {
      r = answer(f, values);
      say(`${called} = ${r.map(shown).join(',')}`);
      result(`${called} = ${r.map(shown).join(',')}`);
    }
    notes.result(number, f.results, r);
    return r.length > 1 ? r : r[0];
  };
  const imports = sizes ? { 'watfiber.trace': { event: notes.probe } } : {};
  functions.forEach((f, i) => { (imports[f.module] ??= {})[f.name] = host(f, i); });

  let ended = 'the program ends', fault = '';
  try {
    ({ instance: { exports } } = await WebAssembly.instantiate(binary, imports));
    if (!exports[name]) throw new Error(`there is no exported function ${name}`);
    let r = exports[name](...args);
    while (exports.asyncify_get_state?.() === 1) {
      exports.asyncify_stop_unwind();
      if (!block) throw new Error('the program has unwound its stack, but no import has asked for it');
      say(`the stack is empty; its frames take ${new Uint32Array(memoryOf().buffer, block, 1)[0] - block - 16} bytes in the buffer`);
      await null;
      exports.asyncify_start_rewind(block);
      rewound = true;
      say('rewinding');
      r = exports[name](...args);
    }
    result(shown(r));
    last = `${name}(${args.map(shown).join(', ')}) = ${shown(r)}`;
  } catch (e) {
    result(String(e));
    fault = /^\s*(?:at )?\S*?\bfiber\.(\w+)\b/m.exec(String(e.stack).replace(String(e), ''))?.[1] ?? '';
    ended = `the program traps: ${e.message}`;
    last = String(e);
  }
  notes.end();
  postMessage({ done: { results, suspends, last, ended, fault, more: Math.max(0, lines - maxLines), full: notes.full() } });
};

// recorder returns what notes, in the words that package events reads: calls of the host,
// probes, and with them the memory that a recorder will ask for.
const recorder = (memory, sizes) => {
  if (!sizes) return { call() {}, result() {}, probe() {}, end() {}, full: () => false };
  const scratch = new DataView(new ArrayBuffer(8));
  let words = [], count = 0, data = 0;
  const lowHigh = (type, v) => {
    scratch.setUint32(4, 0, true);
    ({ i32: () => scratch.setInt32(0, v, true), i64: () => scratch.setBigInt64(0, BigInt(v), true),
      f32: () => scratch.setFloat32(0, v, true), f64: () => scratch.setFloat64(0, v, true) })[type]?.();
    words.push(scratch.getInt32(0, true), scratch.getInt32(4, true));
  };
  const wordAt = (at) => (at + 4 <= memory()?.byteLength ? new DataView(memory()).getUint32(at, true) : 0);
  const window = (at, bytes) => {
    const all = memory();
    if (!all || at < 0 || at + bytes > all.byteLength) return;
    words.push(4, at, bytes / 4);
    for (const view = new DataView(all); bytes > 0; bytes -= 4, at += 4) words.push(view.getInt32(at, true));
  };
  // The first notes go one by one, so that those of a program that then calls nobody are
  // not lost.
  const flush = () => {
    if (!words.length) return;
    const batch = Int32Array.from(words);
    postMessage({ notes: batch }, [batch.buffer]);
    words = [];
  };
  const noted = () => { if (++count < 4096 || words.length > 4096) flush(); };
  const full = () => count >= maxNotes;
  const blockOf = (at) => { if (at) window(at >>> 0, 8); };
  const values = (types, list) => types.forEach((t, i) => lowHigh(t, list[i]));
  return {
    full,
    call(number, types, list) { if (full()) return; blockOf(data); words.push(2, number); values(types, list); noted(); },
    result(number, types, list) { if (full()) return; blockOf(data); words.push(3, number); values(types, list); noted(); },
    probe(kind, a, b, state, block, sp, fiber) {
      if (full()) return;
      blockOf(data);
      if (block !== data) blockOf(block);
      data = block;
      if ((kind === 1 && state === 2 || kind === 4 && state === 1) && sizes[a - 1]) {
        const end = wordAt(block >>> 0), size = Math.min(sizes[a - 1], end & ~3); // most that the frame can have
        window(end - size, size);
      }
      if (kind === 6 && b === 1) window(a >>> 0, 4);
      words.push(1, kind, a, b, state, block, sp, fiber);
      noted();
    },
    end() { blockOf(data); flush(); },
  };
};
onmessage = (e) => {
  postMessage({ begins: true });
  run(e.data);
};
