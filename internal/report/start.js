(async () => {
  const unpack = (packed) => {
    const text = atob(packed);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')));
  };
  // taken returns what a script element holds: compressed, in base 64.
  const taken = (id) => {
    const text = document.getElementById(id).textContent.trim();
    document.getElementById(id).remove();
    return text;
  };
  // The details of functions are in blocks, which are unpacked when one is asked for; the
  // last few are kept.
  const blocks = taken('store').split('\n'), kept = new Map(), decoder = new TextDecoder();
  const block = (i) => {
    const found = kept.get(i) ?? unpack(blocks[i]).arrayBuffer();
    kept.delete(i);
    kept.set(i, found);
    if (kept.size > 8) kept.delete(kept.keys().next().value);
    return found;
  };
  const fill = async (f) => {
    const [i, from, to] = f.at;
    const item = decoder.decode(new Uint8Array(await block(i), from, to - from)), end = item.indexOf('\n');
    Object.assign(f, JSON.parse(item.slice(0, end)));
    (f.notes ?? []).forEach((notes, pass) => { f.notes[pass] = notes ?? f.notes[pass - 1]; });
    f.text = item.slice(end + 1);
  };
  const data = taken('data'), trace = taken('trace');
  const [facts, recorded] = await Promise.all([unpack(data).json(), trace ? unpack(trace).json() : null]);
  await watfiberReport().load(facts, { fill }, recorded, globalThis.watfiberDiff);
  document.documentElement.dataset.ready = 'yes';
})();
