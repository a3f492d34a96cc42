// Fibers in AssemblyScript: generators, a pipeline of channels, a choice with a time
// limit, sleeping, a mutex, and garbage that is collected while fibers wait.
import { Channel, Generator, Mutex, Select, Task, WaitGroup, after, generate, pass, sleep, spawn, task } from "fiber";
import { print } from "./wasi";

// ---- a generator for each node of a tree ----

class Tree {
  constructor(public left: Tree | null, public value: i32, public right: Tree | null) {}
}

function insert(tree: Tree | null, value: i32): Tree {
  if (!tree) return new Tree(null, value, null);
  if (value < tree.value) tree.left = insert(tree.left, value);
  else tree.right = insert(tree.right, value);
  return tree;
}

function walk(to: Generator<i32>, tree: Tree | null): void {
  if (!tree) return;
  for (const left = generate(walk, tree.left); left.next(); ) to.yield(left.value);
  to.yield(tree.value);
  for (const right = generate(walk, tree.right); right.next(); ) to.yield(right.value);
}

let tree: Tree | null = null;
for (let i = 0; i < 15; i++) tree = insert(tree, (i * 37) % 53);
const inOrder: string[] = [];
for (const values = generate(walk, tree); values.next(); ) inOrder.push(values.value.toString());
print("in order: " + inOrder.join(" "));

// ---- numbers go through workers; results come in any order ----

class Factored {
  constructor(public number: i64, public factors: i64[]) {}
  toString(): string { return this.number.toString() + " = " + this.factors.join(" x "); }
}

class Worker {
  constructor(public numbers: Channel<i64>, public results: Channel<Factored>, public group: WaitGroup) {}
}

function factor(w: Worker): void {
  for (const numbers = w.numbers.values(); numbers.next(); ) {
    let rest = numbers.value;
    const factors: i64[] = [];
    for (let f: i64 = 2; f * f <= rest; f++) {
      for (; rest % f == 0; rest /= f) factors.push(f);
      if (f % 100 == 0) pass(); // the others have their turn in long calculations
    }
    if (rest > 1) factors.push(rest);
    w.results.send(new Factored(numbers.value, factors));
  }
  w.group.done();
}

function feed(numbers: Channel<i64>): void {
  for (let n: i64 = 1000000007; n < 1000000019; n++) numbers.send(n);
  numbers.close();
}

function closeAfter(w: Worker): void {
  w.group.wait();
  w.results.close();
}

const work = new Worker(new Channel<i64>(), new Channel<Factored>(3), new WaitGroup());
work.group.add(4);
for (let i = 0; i < 4; i++) spawn(factor, work);
spawn(feed, work.numbers);
spawn(closeAfter, work);
const all: Factored[] = [];
for (const results = work.results.values(); results.next(); ) all.push(results.value);
all.sort((a, b) => <i32>(a.number - b.number));
for (let i = 0; i < all.length; i++) print(all[i].toString());

// ---- which channel comes first, for how long ----

class Chatter {
  constructor(public channel: Channel<string>, public words: string[]) {}
}

function chat(c: Chatter): void {
  for (let i = 0; i < c.words.length; i++) {
    pass();
    c.channel.send(c.words[i]);
  }
  c.channel.close();
}

const left = new Channel<string>(), right = new Channel<string>();
spawn(chat, new Chatter(left, ["one", "two", "three"]));
spawn(chat, new Chatter(right, ["un", "deux", "trois", "quatre"]));
const choice = new Select();
const fromLeft = choice.receive(left), fromRight = choice.receive(right), tooLate = choice.receive(after(50));
const heardLeft: string[] = [], heardRight: string[] = [];
while (true) {
  const first = choice.wait();
  if (first === tooLate) break;
  if (first === fromLeft) {
    if (fromLeft.closed) fromLeft.enabled = false;
    else heardLeft.push(fromLeft.value);
  } else {
    if (fromRight.closed) fromRight.enabled = false;
    else heardRight.push(fromRight.value);
  }
}
print("left: " + heardLeft.join(", ") + "; right: " + heardRight.join(", ") + "; then silence");

// ---- who sleeps least is first ----

class Sleeper {
  constructor(public milliseconds: i32, public awake: Channel<i32>) {}
}

const awake = new Channel<i32>(8);
for (let i = 0; i < 8; i++) {
  spawn((s: Sleeper) => {
    sleep(s.milliseconds);
    s.awake.send(s.milliseconds);
  }, new Sleeper(20 * ((i * 3) % 8), awake));
}
const woken: string[] = [];
for (let i = 0; i < 8; i++) woken.push(awake.receive().toString());
print("awake after " + woken.join(", ") + " ms");

// ---- a mutex keeps what belongs together together ----

class Bank {
  mutex: Mutex = new Mutex();
  accounts: i32[] = [100, 100, 100, 100, 100];
  constructor(public group: WaitGroup) {}
}

function transfer(bank: Bank): void {
  for (let i = 0; i < 50; i++) {
    const from = (i * 7) % 5, to = (i * 3 + 1) % 5, amount = i % 10;
    bank.mutex.lock();
    const before = bank.accounts[from];
    bank.accounts[from] -= amount;
    pass(); // another fiber would see that money is missing
    bank.accounts[to] += amount;
    assert(from == to || bank.accounts[from] == before - amount, "somebody else was at this account");
    bank.mutex.unlock();
  }
  bank.group.done();
}

const bank = new Bank(new WaitGroup());
bank.group.add(10);
for (let i = 0; i < 10; i++) spawn(transfer, bank);
bank.group.wait();
let total = 0;
for (let i = 0; i < bank.accounts.length; i++) total += bank.accounts[i];
print("accounts: " + bank.accounts.join(", ") + "; in all " + total.toString());

// ---- what only the stacks of waiting fibers know is not garbage ----

class Link {
  constructor(public text: string, public next: Link | null) {}
}

function remember(n: i32): i32 {
  let list: Link | null = null;
  for (let i = 1; i <= n; i++) {
    list = new Link((n * i).toString(), list);
    pass();
  }
  let sum = 0;
  while (list) {
    sum += I32.parseInt(list.text);
    list = list.next;
  }
  return sum;
}

const tasks: Task<i32, i32>[] = [];
for (let i = 0; i < 60; i++) tasks.push(task(remember, i));
let sum = 0;
for (let i = 0; i < tasks.length; i++) {
  sum += tasks[i].wait();
  __collect();
}
print("60 fibers remember " + sum.toString());
