/* What the kernels share: one import that may suspend, one export per benchmark
 * (k_NAME : (i32 n) -> i32 checksum), and scheduling points. In a native build
 * the import does nothing, so that the checksums can be compared. */
#ifndef HOST_H
#define HOST_H
#include <stdint.h>
#include <stddef.h>
#ifdef __wasm__
__attribute__((import_module("env"), import_name("yield"))) extern int host_yield(int tag);
#define EXPORT(name) __attribute__((export_name(#name), noinline))
#else
static int host_yield(int tag) { (void)tag; return 0; }
#define EXPORT(name) __attribute__((noinline))
#endif
/* A scheduling point: calls the import once per `budget_reset` passes. */
extern int budget, budget_reset;
static inline void tick(void) {
  if (__builtin_expect(--budget <= 0, 0)) { budget = budget_reset; host_yield(1); }
}
#ifdef HOST_IMPL
int budget = 1 << 20, budget_reset = 1 << 20;
/* Room for frames, for a driver that does not want to grow the memory. */
static _Alignas(16) unsigned char async_area[1 << 20];
EXPORT(async_buf) unsigned char *async_buf(void) { return async_area; }
EXPORT(async_buf_size) int async_buf_size(void) { return sizeof async_area; }
EXPORT(set_budget) void set_budget(int n) { budget = budget_reset = n; }
#endif
#endif
