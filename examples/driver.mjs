// Drives a module that watfiber has built (or wasm-opt --asyncify): imports that
// suspend it, and calls of its exports that go on until they really return.
//
// The ABI is five exports, and a data block of two words in memory: where the next
// frame goes, and where the buffer for frames ends.

const UNWINDING = 1, REWINDING = 2, PAGE = 65536;

export class Driver {
  suspends = 0; // how often the module has suspended
  waiting = null; // the call that it has suspended in

  // Returns an import that suspends its caller until work has a result. It is
  // called twice: to start the unwind, and again at the end of the rewind.
  suspending(work) {
    return (...args) => {
      if (this.waiting === null) {
        this.waiting = { work, args };
        if (this.data === undefined) this.reserve();
        this.exports.asyncify_start_unwind(this.data);
        return 0; // nobody reads this
      }
      const { args: before, result } = this.waiting;
      if (this.exports.asyncify_get_state() !== REWINDING) throw new Error('an import is called between unwind and rewind');
      if (args.some((arg, i) => arg !== before[i])) throw new Error(`called again with ${args}, not with ${before}`);
      this.waiting = null;
      this.exports.asyncify_stop_rewind();
      return result;
    };
  }

  // Connects the driver to an instance, and to the memory for its buffer. Without
  // an address, the memory of the module is grown at the first suspension: not
  // earlier, because the malloc of older C libraries, when it is called for the
  // first time, takes whatever memory it finds.
  attach(exports, address, bytes = 16 * PAGE) {
    this.exports = exports;
    this.reserve = () => this.useBuffer(exports.memory.grow(bytes / PAGE) * PAGE, bytes);
    if (address !== undefined) this.useBuffer(address, bytes);
  }

  useBuffer(address, bytes) {
    this.data = address;
    new Uint32Array(this.exports.memory.buffer, address, 2).set([address + 8, address + bytes]);
  }

  // Calls an export, and does the work it waits for whenever it suspends.
  call(name, ...args) {
    for (;;) {
      const result = this.exports[name](...args);
      if (!this.unwound()) return result;
      this.rewind(this.waiting.work(...this.waiting.args));
      args = forget(args);
    }
  }

  // The same for work that returns promises: meanwhile the event loop goes on.
  async callAsync(name, ...args) {
    for (;;) {
      const result = this.exports[name](...args);
      if (!this.unwound()) return result;
      this.rewind(await this.waiting.work(...this.waiting.args));
      args = forget(args);
    }
  }

  unwound() {
    if (this.exports.asyncify_get_state() !== UNWINDING) return false;
    this.exports.asyncify_stop_unwind(); // traps if the buffer was too small
    this.suspends++;
    return true;
  }

  rewind(result) {
    this.waiting.result = result;
    this.exports.asyncify_start_rewind(this.data);
  }
}

// On a rewind any arguments will do: the frames have the true ones.
const forget = (args) => args.map((arg) => (typeof arg === 'bigint' ? 0n : 0));
