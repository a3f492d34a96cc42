/* A producer, a consumer that is slower, and between them a fiber that is a queue: it
 * receives and sends, whichever can go ahead, so that neither waits for the other. A case
 * without a channel is out of the question: nothing is sent from an empty queue.
 *
 *   watfiber run examples/c/select.wasm
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>

enum { ITEMS = 8 };

struct pipe { fiber_chan_t in, out; };

static void *produce(void *chan) {
  for (int i = 1; i <= ITEMS; i++) {
    printf("made %d\n", i);
    fiber_chan_send(chan, (void *)(intptr_t)i);
    if (i % 4 == 0) fiber_pass(), fiber_pass();
  }
  fiber_chan_close(chan);
  return NULL;
}

static void *queue(void *argument) {
  struct pipe *pipe = argument;
  void *items[ITEMS];
  int first = 0, end = 0, open = 1, most = 0;
  while (open || first < end) {
    fiber_case_t cases[] = {
      {.chan = open ? pipe->in : NULL},
      {.chan = first < end ? pipe->out : NULL, .send = 1, .value = items[first]},
    };
    if (fiber_select(cases, 2, 1) == 1) first++;
    else if (cases[0].ok) items[end++] = cases[0].value;
    else open = 0;
    if (end - first > most) most = end - first;
  }
  fiber_chan_close(pipe->out);
  return (void *)(intptr_t)most;
}

static void *consume(void *chan) {
  int sum = 0;
  for (void *value; fiber_chan_receive(chan, &value);) {
    fiber_pass(), fiber_pass(); /* it takes a while */
    printf("      used %d\n", (int)(intptr_t)value);
    sum += (int)(intptr_t)value;
  }
  return (void *)(intptr_t)sum;
}

int main(void) {
  struct pipe pipe = {fiber_chan_make(0), fiber_chan_make(0)};
  fiber_t middle = fiber_alloc(queue), consumer = fiber_alloc(consume);
  fiber_start(middle, &pipe), fiber_start(consumer, pipe.out);
  fiber_spawn(produce, pipe.in);
  int sum = (int)(intptr_t)fiber_join(consumer), most = (int)(intptr_t)fiber_join(middle);
  printf("sum %d, the queue had at most %d\n", sum, most);
  fiber_free(middle), fiber_free(consumer);
  fiber_chan_free(pipe.in), fiber_chan_free(pipe.out);
  return 0;
}
