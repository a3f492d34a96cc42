// What the examples need of WASI: standard output, and an end with a message.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, vectors: usize, n: i32, written: usize): i32;

function write(fd: i32, text: string): void {
  const bytes = String.UTF8.encode(text);
  const vector = memory.data(3 * sizeof<usize>()); // address, length, how many were written
  let at = changetype<usize>(bytes);
  const end = at + bytes.byteLength;
  while (at < end) {
    store<usize>(vector, at);
    store<usize>(vector, end - at, sizeof<usize>());
    if (fd_write(fd, vector, 1, vector + 2 * sizeof<usize>()) != 0) unreachable();
    at += load<usize>(vector, 2 * sizeof<usize>());
  }
}

export function print(text: string): void { write(1, text + "\n"); }

/** Is called for an error: asc --use abort=wasi/fail. */
export function fail(message: string | null, file: string | null, line: u32, column: u32): void {
  write(2, `${file ? file : ""}:${line}:${column}: ${message ? message : "failed"}\n`);
  unreachable();
}
