/* An echo server: a fiber for each connection, with the calls of the C library. The
 * argument is how many connections it serves, 0 for any number; the second is the descriptor of the
 * socket that listens.
 *
 *   watfiber run --redirect=wasi --listen=127.0.0.1:7777 examples/c/echo.wasm
 */
#include <fiber.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static fiber_group_t open_connections;
static int now_open, most_open;
static long long bytes;

static void *serve(void *connection) {
  int fd = (int)(intptr_t)connection;
  char buffer[4096];
  ssize_t n;
  if (++now_open > most_open) most_open = now_open;
  while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0) {
    if (send(fd, buffer, n, 0) != n) break;
    bytes += n;
  }
  if (n != 0) perror("a connection");
  shutdown(fd, SHUT_WR);
  close(fd);
  now_open--;
  fiber_group_done(&open_connections);
  return NULL;
}

int main(int argc, char **argv) {
  int connections = argc > 1 ? atoi(argv[1]) : 0, listener = argc > 2 ? atoi(argv[2]) : 3;
  for (int i = 0; i < connections || connections == 0; i++) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) {
      perror("accept");
      return 1;
    }
    fiber_group_add(&open_connections, 1);
    if (!fiber_spawn_sized(serve, (void *)(intptr_t)fd, 16384)) return 1;
  }
  fiber_group_wait(&open_connections);
  printf("%d connections, %d at once, %lld bytes\n", connections, most_open, bytes);
  return 0;
}
