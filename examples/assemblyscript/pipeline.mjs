// The program of pipeline.ts on promises: another implementation, which says what
// pipeline.ts is expected to print.
import { setTimeout } from 'node:timers/promises';

// ---- channels, a mutex ----

class Channel {
  #capacity; #values = []; #senders = []; #receivers = []; #closed = false;
  constructor(capacity = 0) { this.#capacity = capacity; }

  async send(value) {
    if (this.#receivers.length) return this.#receivers.shift()({ value, done: false });
    if (this.#values.length < this.#capacity) return void this.#values.push(value);
    return new Promise(done => this.#senders.push({ value, done }));
  }

  async next() {
    if (this.#senders.length) {
      const { value, done } = this.#senders.shift();
      this.#values.push(value);
      done();
    }
    if (this.#values.length) return { value: this.#values.shift(), done: false };
    if (this.#closed) return { value: undefined, done: true };
    return new Promise(done => this.#receivers.push(done));
  }

  close() {
    this.#closed = true;
    for (const receiver of this.#receivers.splice(0)) receiver({ value: undefined, done: true });
  }

  [Symbol.asyncIterator]() { return this; }
}

class Mutex {
  #last = Promise.resolve();
  async hold(body) {
    const turn = this.#last.then(body);
    this.#last = turn;
    await turn;
  }
}

const pass = () => setTimeout(0);

// ---- a tree in order ----

const insert = (tree, value) => {
  if (!tree) return { left: null, value, right: null };
  if (value < tree.value) tree.left = insert(tree.left, value);
  else tree.right = insert(tree.right, value);
  return tree;
};

function* walk(tree) {
  if (!tree) return;
  yield* walk(tree.left);
  yield tree.value;
  yield* walk(tree.right);
}

let tree = null;
for (let i = 0; i < 15; i++) tree = insert(tree, (i * 37) % 53);
console.log('in order: ' + [...walk(tree)].join(' '));

// ---- numbers go through workers ----

async function factor(numbers, results) {
  for await (const number of numbers) {
    let rest = number;
    const factors = [];
    for (let f = 2; f * f <= rest; f++) {
      for (; rest % f === 0; rest /= f) factors.push(f);
    }
    if (rest > 1) factors.push(rest);
    await results.send({ number, factors });
  }
}

const numbers = new Channel(), results = new Channel(3);
const workers = Array.from({ length: 4 }, () => factor(numbers, results));
(async () => {
  for (let n = 1000000007; n < 1000000019; n++) await numbers.send(n);
  numbers.close();
})();
Promise.all(workers).then(() => results.close());
const all = [];
for await (const result of results) all.push(result);
all.sort((a, b) => a.number - b.number);
for (const { number, factors } of all) console.log(`${number} = ${factors.join(' x ')}`);

// ---- who speaks, and for how long ----

async function listen(words) {
  const heard = [];
  for (const word of words) {
    await pass();
    heard.push(word);
  }
  return heard.join(', ');
}

const heard = await Promise.all([listen(['one', 'two', 'three']), listen(['un', 'deux', 'trois', 'quatre']), setTimeout(50)]);
console.log(`left: ${heard[0]}; right: ${heard[1]}; then silence`);

// ---- who sleeps least is first ----

const woken = [];
await Promise.all(Array.from({ length: 8 }, async (_, i) => {
  const time = 20 * ((i * 3) % 8);
  await setTimeout(time);
  woken.push(time);
}));
console.log(`awake after ${woken.join(', ')} ms`);

// ---- a mutex ----

const mutex = new Mutex(), accounts = [100, 100, 100, 100, 100];
await Promise.all(Array.from({ length: 10 }, async () => {
  for (let i = 0; i < 50; i++) {
    const from = (i * 7) % 5, to = (i * 3 + 1) % 5, amount = i % 10;
    await mutex.hold(async () => {
      accounts[from] -= amount;
      await null;
      accounts[to] += amount;
    });
  }
}));
console.log(`accounts: ${accounts.join(', ')}; in all ${accounts.reduce((a, b) => a + b)}`);

// ---- sums ----

let sum = 0;
for (let n = 0; n < 60; n++) {
  for (let i = 1; i <= n; i++) sum = (sum + n * i) | 0; // as i32
}
console.log('60 fibers remember ' + sum);
