(async () => {
  // unpack returns what a script element holds: compressed, in base 64.
  const unpack = (id) => {
    const text = atob(document.getElementById(id).textContent.trim());
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    document.getElementById(id).remove();
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')));
  };
  watfiberReport().load(...await Promise.all([unpack('data').json(), unpack('text').arrayBuffer(), document.getElementById('trace').textContent.trim() ? unpack('trace').json() : null]));
  document.documentElement.dataset.ready = 'yes';
})();
