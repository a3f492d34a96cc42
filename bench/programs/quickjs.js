// Called with a function of the host; yields the kernels, in the order of quickjs.wat.
(function (hostYield) {
  function fib(n) {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
  }

  function sorts(n) {
    const list = [];
    let x = 42;
    for (let i = 0; i < n; i++) {
      x = (x * 1103515 + 12345) % 2147483648;
      list.push(x);
    }
    list.sort((a, b) => a - b);
    return list[n >> 1];
  }

  function strs(n) {
    const parts = [];
    for (let i = 0; i < n; i++) parts.push(`${i},${'x'.repeat(i % 7)}`);
    const text = parts.join(';');
    let digits = 0;
    for (const word of text.matchAll(/[0-9]+/g)) digits += word[0].length;
    return digits + text.replace(/x+/g, (run) => run.length).length;
  }

  function json(n) {
    const rows = [];
    for (let i = 0; i < n; i++) rows.push({ id: i, name: `row ${i}`, tags: ['a', 'b', i % 5], half: i / 2 });
    const text = JSON.stringify(rows);
    let sum = text.length;
    for (const { id, tags, half } of JSON.parse(text)) sum += id + tags[2] + half;
    return Math.floor(sum) % 1000003;
  }

  class Tree {
    constructor(depth) {
      this.left = depth > 0 ? new Tree(depth - 1) : null;
      this.right = depth > 0 ? new Tree(depth - 1) : null;
    }
    count() {
      return 1 + (this.left ? this.left.count() + this.right.count() : 0);
    }
  }

  function trees(depth) {
    return new Tree(depth).count();
  }

  function sieve(n) {
    const crossed = new Uint8Array(n + 1);
    let sum = 0;
    for (let i = 2; i <= n; i++) {
      if (crossed[i]) continue;
      sum = (sum + i) % 1000003;
      for (let j = i * i; j <= n; j += i) crossed[j] = 1;
    }
    return sum;
  }

  function yielder(n) {
    let sum = 0;
    for (let i = 1; i <= n; i++) sum += hostYield(i);
    return sum;
  }

  return [fib, sorts, strs, json, trees, sieve, yielder];
})
