/* A program for ucontext.h, as it is written for any Unix; watfiber's fiberlib/include
 * has that header for WebAssembly.
 *
 *   watfiber run examples/c/contexts.wasm
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { STACK_BYTES = 64 * 1024 };
static ucontext_t main_context, reader, counter, last;
static char slot[16];

static void prepare(ucontext_t *c, ucontext_t *link) {
  getcontext(c);
  c->uc_stack.ss_sp = malloc(STACK_BYTES), c->uc_stack.ss_size = STACK_BYTES;
  c->uc_link = link;
}

/* Hands the words of a text over, one at a time. */
static void read_words(void) {
  char text[] = "unwind rewind resume";
  for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
    strcpy(slot, word);
    swapcontext(&reader, &main_context);
  }
  slot[0] = 0;
}

static void count(int from, int to) {
  for (int i = from; i <= to; i++) {
    printf("%d ", i);
    swapcontext(&counter, &main_context);
  }
  printf("counted\n");
}

static void finish(void) { printf("the last one runs\n"); }

int main(void) {
  prepare(&reader, &main_context);
  makecontext(&reader, read_words, 0);
  for (;;) {
    swapcontext(&main_context, &reader);
    if (slot[0] == 0) break;
    printf("%s\n", slot);
  }
  prepare(&last, &main_context);
  makecontext(&last, finish, 0);
  prepare(&counter, &last); /* when counter returns, last runs, and then main */
  makecontext(&counter, (void (*)(void))count, 2, 3, 6);
  for (int i = 0; i < 5; i++) swapcontext(&main_context, &counter);
  printf("done\n");
  return 0;
}
